use std::num::NonZeroU32;
use std::sync::Arc;

use crate::{Credential, HubApiServer, Reconnect, SessionKey, wire};

/// The protocol version that this code speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// What each end says of itself before any stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hello {
    /// Highest protocol version the sender speaks.
    pub protocol_version: u32,
    /// Lowest protocol version the sender still speaks.
    pub min_protocol_version: u32,
    /// Release of the sending program, for people; at most 64 bytes are kept.
    pub software_version: String,
    /// What the sender can do beyond the protocol version.
    pub features: Vec<String>,
    /// Features without which the sender will not go on.
    pub required_features: Vec<String>,
    /// From an agent without a certificate: by what it is known.
    pub credential: Option<Credential>,
    /// From an agent: the session that the link belongs to.
    pub session_key: Option<SessionKey>,
    /// From a hub: how to come back.
    pub reconnect: Option<Reconnect>,
    /// From an agent that lets streams be moved: the link's number in its session.
    pub link: Option<NonZeroU32>,
    /// From a hub whose API is another server's: who speaks TLS on streams to it.
    pub hub_api: Option<Arc<HubApiServer>>,
    /// From a hub that says so: which life of its data this is, another one after a
    /// restore from a backup; at most 64 characters are kept.
    pub incarnation: Option<Arc<str>>,
}

/// Why two ends cannot talk.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HelloError {
    /// The peer needs a feature that this end does not have.
    #[error(
        "the peer requires the feature {0:?}, which this version does not have: upgrade this end"
    )]
    Feature(String),
    /// No protocol version is common to both.
    #[error(
        "the peer speaks protocol versions {min} to {max}, this end {PROTOCOL_VERSION}: \
         upgrade the older one"
    )]
    Version {
        /// The peer's lowest.
        min: u32,
        /// The peer's highest.
        max: u32,
    },
}

const MAX_FEATURES: usize = 64;
const MAX_TEXT_LEN: usize = 64;

impl Hello {
    /// What this code says of itself.
    pub fn new(software_version: impl Into<String>) -> Self {
        Self {
            protocol_version: PROTOCOL_VERSION,
            min_protocol_version: PROTOCOL_VERSION,
            software_version: software_version.into(),
            features: Vec::new(),
            required_features: Vec::new(),
            credential: None,
            session_key: None,
            reconnect: None,
            link: None,
            hub_api: None,
            incarnation: None,
        }
    }

    /// Decides whether this end, having `ours`, can talk to the peer that said `self`.
    pub fn accept(&self, ours: &Self) -> Result<(), HelloError> {
        let common = self.min_protocol_version <= ours.protocol_version
            && ours.min_protocol_version <= self.protocol_version;
        if !common {
            return Err(HelloError::Version {
                min: self.min_protocol_version,
                max: self.protocol_version,
            });
        }
        match self
            .required_features
            .iter()
            .find(|f| !ours.features.contains(f))
        {
            Some(missing) => Err(HelloError::Feature(missing.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn from_wire(hello: wire::Hello) -> Self {
        Self {
            protocol_version: hello.protocol_version,
            min_protocol_version: hello.min_protocol_version,
            software_version: printable(&hello.software_version),
            features: texts(&hello.features),
            required_features: texts(&hello.required_features),
            credential: Credential::from_wire(&hello.credential),
            session_key: SessionKey::from_wire(&hello.session_key),
            reconnect: hello.reconnect.map(Reconnect::from_wire),
            link: NonZeroU32::new(hello.link),
            hub_api: hello
                .hub_api
                .and_then(HubApiServer::from_wire)
                .map(Arc::new),
            incarnation: Some(printable(&hello.incarnation))
                .filter(|said| !said.is_empty())
                .map(Arc::from),
        }
    }

    pub(crate) fn to_wire(&self) -> wire::Hello {
        wire::Hello {
            protocol_version: self.protocol_version,
            min_protocol_version: self.min_protocol_version,
            software_version: self.software_version.clone(),
            features: self.features.clone(),
            required_features: self.required_features.clone(),
            credential: self
                .credential
                .as_ref()
                .map(Credential::to_wire)
                .unwrap_or_default(),
            session_key: self
                .session_key
                .map(SessionKey::to_wire)
                .unwrap_or_default(),
            reconnect: self.reconnect.as_ref().map(Reconnect::to_wire),
            link: self.link.map_or(0, NonZeroU32::get),
            hub_api: self.hub_api.as_deref().map(HubApiServer::to_wire),
            incarnation: self.incarnation.as_deref().unwrap_or_default().to_owned(),
        }
    }
}

fn texts(texts: &[String]) -> Vec<String> {
    texts
        .iter()
        .take(MAX_FEATURES)
        .map(|text| printable(text))
        .collect()
}

/// A peer's text as it may stand in a log line.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_TEXT_LEN)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_peer_that_still_speaks_our_version_is_accepted() {
        let ours = Hello::new("0.1.0");
        let newer = Hello {
            protocol_version: 9,
            features: vec!["telepathy".to_owned()],
            ..Hello::new("9.0.0")
        };
        assert_eq!(newer.accept(&ours), Ok(()));
    }

    #[test]
    fn a_peer_without_a_common_version_is_refused_by_number() {
        let ours = Hello::new("0.1.0");
        let newer = Hello {
            protocol_version: 9,
            min_protocol_version: 2,
            ..Hello::new("9.0.0")
        };
        assert_eq!(
            newer.accept(&ours),
            Err(HelloError::Version { min: 2, max: 9 })
        );
    }

    #[test]
    fn a_required_feature_we_lack_is_refused_by_name() {
        let ours = Hello::new("0.1.0");
        let peer = Hello {
            required_features: vec!["telepathy".to_owned()],
            ..ours.clone()
        };
        assert_eq!(
            peer.accept(&ours),
            Err(HelloError::Feature("telepathy".to_owned()))
        );
    }
}
