use bytes::Bytes;

use crate::wire;

/// Whom an agent finds at the end of its streams to `hub-api`, where that is
/// not the hub itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HubApiServer {
    /// The name that its certificate is for: a DNS name or an IP address, of at
    /// most 253 bytes.
    pub server_name: String,
    /// The certificates that verify it, DER: at least one, at most 16, of at
    /// most 32 KiB in all.
    pub authorities: Vec<Bytes>,
}

const MAX_NAME_LEN: usize = 253;
const MAX_AUTHORITIES: usize = 16;
const MAX_BYTES: usize = 32 * 1024;

impl HubApiServer {
    /// `None` for one that nobody could verify.
    pub(crate) fn from_wire(server: wire::HubApiServer) -> Option<Self> {
        let name = &server.server_name;
        let named = !name.is_empty() && name.len() <= MAX_NAME_LEN;
        let bytes: usize = server.authorities.iter().map(Bytes::len).sum();
        let verified = (1..=MAX_AUTHORITIES).contains(&server.authorities.len());
        let sound = named && !name.contains(char::is_control) && verified && bytes <= MAX_BYTES;
        sound.then_some(Self {
            server_name: server.server_name,
            authorities: server.authorities,
        })
    }

    pub(crate) fn to_wire(&self) -> wire::HubApiServer {
        wire::HubApiServer {
            server_name: self.server_name.clone(),
            authorities: self.authorities.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(name: &str, authorities: Vec<Bytes>) -> Option<HubApiServer> {
        HubApiServer::from_wire(wire::HubApiServer {
            server_name: name.to_owned(),
            authorities,
        })
    }

    #[test]
    fn a_server_that_nobody_could_verify_is_none() {
        let one = || vec![Bytes::from_static(b"certificate")];
        assert!(heard("kubernetes.default.svc", one()).is_some());
        assert_eq!(heard("", one()), None);
        assert_eq!(heard("a\nb", one()), None);
        assert_eq!(heard(&"a".repeat(300), one()), None);
        assert_eq!(heard("a", Vec::new()), None);
        assert_eq!(heard("a", vec![Bytes::new(); 17]), None);
        assert_eq!(heard("a", vec![Bytes::from(vec![0; 40_000])]), None);
    }
}
