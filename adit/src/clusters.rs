//! The records of known clusters: which certificates were issued to each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proto::{AgentName, ClusterName, NameError};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use crate::data_dir::{self, DataDir, DataDirError, Secrecy};

/// What the hub knows of a cluster. A cluster without a record is unknown.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterRecord {
    pub(crate) name: String,
    #[serde(with = "rfc3339")]
    pub(crate) created: OffsetDateTime,
    pub(crate) certificates: Vec<IssuedCertificate>,
}

/// A certificate issued to an agent of the cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuedCertificate {
    /// Lower-case hexadecimal.
    pub(crate) serial: String,
    pub(crate) agent: String,
    #[serde(with = "rfc3339")]
    pub(crate) issued: OffsetDateTime,
    #[serde(with = "rfc3339")]
    pub(crate) expires: OffsetDateTime,
    /// The name of who signed it; before there could be two, nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "rfc3339::option"
    )]
    pub(crate) revoked: Option<OffsetDateTime>,
}

/// What a record says about a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    Good,
    /// Not issued by this hub for this agent, or so long ago that it is forgotten.
    NotIssued,
    Revoked,
}

/// Why a cluster's record cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("{path} is no cluster's record", path = path.display())]
    Form {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{path} is the record of {name:?}", path = path.display())]
    AnotherName { path: PathBuf, name: String },
    #[error("{path} is the record of no cluster", path = path.display())]
    NoName { path: PathBuf, source: NameError },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl ClusterRecord {
    /// A cluster that becomes known now.
    pub(crate) fn new(name: &ClusterName, now: OffsetDateTime) -> Self {
        Self {
            name: name.to_string(),
            created: now,
            certificates: Vec::new(),
        }
    }

    /// Reads a record; its name has to be that of its file.
    pub(crate) fn parse(path: PathBuf, text: &str) -> Result<Self, RecordError> {
        let record: Self = match serde_json::from_str(text) {
            Ok(record) => record,
            Err(source) => return Err(RecordError::Form { path, source }),
        };
        if let Err(source) = record.name.parse::<ClusterName>() {
            return Err(RecordError::NoName { path, source });
        }
        if path.file_stem().is_some_and(|stem| *stem == *record.name) {
            Ok(record)
        } else {
            Err(RecordError::AnotherName {
                path,
                name: record.name,
            })
        }
    }

    /// Reads the record of a cluster; `None` if it is not known.
    pub(crate) fn load(data: &DataDir, name: &ClusterName) -> Result<Option<Self>, RecordError> {
        let path = path(data, name);
        data_dir::read_if_present(&path)?
            .map(|text| Self::parse(path, &text))
            .transpose()
    }

    /// Writes the record; the caller holds the writers' lock.
    pub(crate) fn save(&self, data: &DataDir, name: &ClusterName) -> Result<(), RecordError> {
        let path = path(data, name);
        let text = serde_json::to_string_pretty(self).map_err(|source| RecordError::Form {
            path: path.clone(),
            source,
        })?;
        data_dir::write(&path, text.as_bytes(), Secrecy::Public)
            .map_err(|source| DataDirError::Write { path, source }.into())
    }

    /// Notes a certificate and forgets those whose time is over: these are
    /// refused before the record is asked.
    pub(crate) fn note(&mut self, certificate: IssuedCertificate) {
        self.certificates
            .retain(|known| known.expires > certificate.issued);
        self.certificates.push(certificate);
    }

    /// The agents that have good certificates, but none of this authority.
    pub(crate) fn agents_without_one_of(
        &self,
        authority: &str,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = &str> {
        let mut agents = BTreeMap::new();
        for certificate in &self.certificates {
            if certificate.revoked.is_none() && certificate.expires > now {
                let of_it = certificate.authority.as_deref() == Some(authority);
                *agents.entry(certificate.agent.as_str()).or_insert(false) |= of_it;
            }
        }
        let without = agents.into_iter().filter(|(_, has_one)| !has_one);
        without.map(|(agent, _)| agent)
    }

    /// Whether any certificate is good still.
    pub(crate) fn has_good(&self, now: OffsetDateTime) -> bool {
        let is_good = |of: &IssuedCertificate| of.revoked.is_none() && of.expires > now;
        self.certificates.iter().any(is_good)
    }

    /// Revokes the certificates of one agent or of all; returns how many.
    pub(crate) fn revoke(&mut self, agent: Option<&AgentName>, now: OffsetDateTime) -> usize {
        let mut count = 0;
        for certificate in &mut self.certificates {
            let meant = agent.is_none_or(|agent| agent.as_str() == certificate.agent);
            if meant && certificate.revoked.is_none() {
                certificate.revoked = Some(now);
                count += 1;
            }
        }
        count
    }

    /// Whether a certificate with this serial may open sessions of this agent.
    pub(crate) fn standing(&self, agent: &AgentName, serial: &str) -> Standing {
        let known = self
            .certificates
            .iter()
            .find(|known| known.serial == serial && known.agent == agent.as_str());
        match known {
            None => Standing::NotIssued,
            Some(IssuedCertificate {
                revoked: Some(_), ..
            }) => Standing::Revoked,
            Some(IssuedCertificate { revoked: None, .. }) => Standing::Good,
        }
    }
}

fn path(data: &DataDir, name: &ClusterName) -> PathBuf {
    data.clusters().join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn certificate(serial: &str, agent: &str, issued: OffsetDateTime) -> IssuedCertificate {
        IssuedCertificate {
            serial: serial.to_owned(),
            agent: agent.to_owned(),
            issued,
            expires: issued + Duration::days(1),
            authority: None,
            revoked: None,
        }
    }

    fn record() -> ClusterRecord {
        let now = OffsetDateTime::now_utc();
        let mut record = ClusterRecord::new(&"edge-1".parse().unwrap(), now);
        record.note(certificate("aa", "agent-a", now));
        record.note(certificate("bb", "agent-b", now));
        record
    }

    #[test]
    fn only_a_serial_issued_to_that_agent_is_good() {
        let (a, b) = ("agent-a".parse().unwrap(), "agent-b".parse().unwrap());
        assert_eq!(record().standing(&a, "aa"), Standing::Good);
        assert_eq!(record().standing(&b, "aa"), Standing::NotIssued);
        assert_eq!(record().standing(&a, "cc"), Standing::NotIssued);
    }

    #[test]
    fn revoking_one_agent_leaves_the_others() {
        let (a, b) = ("agent-a".parse().unwrap(), "agent-b".parse().unwrap());
        let mut record = record();
        assert_eq!(record.revoke(Some(&a), OffsetDateTime::now_utc()), 1);
        assert_eq!(record.standing(&a, "aa"), Standing::Revoked);
        assert_eq!(record.standing(&b, "bb"), Standing::Good);
        assert_eq!(
            record.revoke(None, OffsetDateTime::now_utc()),
            1,
            "one was left"
        );
    }

    #[test]
    fn agents_are_told_apart_by_who_signed_their_good_certificates() {
        let now = OffsetDateTime::now_utc();
        let mut record = record();
        let of = |serial: &str, agent: &str, authority: &str| IssuedCertificate {
            authority: Some(authority.to_owned()),
            ..certificate(serial, agent, now)
        };
        record.note(of("cc", "agent-a", "new"));
        record.note(of("dd", "agent-b", "old"));
        let mut over = of("ee", "agent-b", "new");
        over.revoked = Some(now);
        record.note(over);
        let without: Vec<&str> = record.agents_without_one_of("new", now).collect();
        assert_eq!(without, ["agent-b"]);
        let later = now + Duration::days(2);
        assert_eq!(record.agents_without_one_of("new", later).count(), 0);
    }

    #[test]
    fn certificates_past_their_time_are_forgotten() {
        let mut record = record();
        let later = OffsetDateTime::now_utc() + Duration::days(2);
        record.note(certificate("cc", "agent-a", later));
        assert_eq!(record.certificates.len(), 1);
    }

    #[test]
    fn a_record_survives_being_written_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let name = "edge-1".parse().unwrap();
        assert!(ClusterRecord::load(&data, &name).unwrap().is_none());
        let mut record = record();
        record.revoke(Some(&"agent-a".parse().unwrap()), OffsetDateTime::now_utc());
        record.save(&data, &name).unwrap();
        let read = ClusterRecord::load(&data, &name).unwrap().unwrap();
        assert_eq!(
            read.standing(&"agent-a".parse().unwrap(), "aa"),
            Standing::Revoked
        );
        assert_eq!(
            read.standing(&"agent-b".parse().unwrap(), "bb"),
            Standing::Good
        );
    }

    #[test]
    fn a_record_under_another_name_is_refused() {
        let text = serde_json::to_string(&record()).unwrap();
        let error = ClusterRecord::parse("clusters/edge-2.json".into(), &text).unwrap_err();
        assert!(matches!(error, RecordError::AnotherName { .. }), "{error}");
    }
}
