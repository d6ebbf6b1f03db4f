//! The names a server's certificate is good for, and when it needs a new one.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::SanType;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

/// The name that every hub's certificate has, whatever address it is reached
/// at: agents ask for it, so a change of address breaks none of them.
pub(crate) const HUB_NAME: &str = "adit-hub";

/// The subject alternative names of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServerNames {
    dns: BTreeSet<String>,
    ips: BTreeSet<IpAddr>,
}

impl ServerNames {
    /// This machine's own names, and `HUB_NAME`.
    pub(crate) fn of_this_machine(hostname: Option<&str>) -> Self {
        let mut names = Self {
            dns: BTreeSet::from([HUB_NAME.to_owned()]),
            ips: BTreeSet::from([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        };
        names.add("localhost");
        if let Some(hostname) = hostname {
            names.add(hostname);
        }
        names
    }

    /// Adds a DNS name or an IP address.
    pub(crate) fn add(&mut self, host: &str) {
        match host.parse() {
            Ok(ip) => self.ips.insert(ip),
            Err(_) => self.dns.insert(host.to_ascii_lowercase()),
        };
    }

    pub(super) fn common_name(&self) -> &str {
        HUB_NAME
    }

    pub(super) fn to_san(&self) -> Result<Vec<SanType>, rcgen::Error> {
        let dns = self
            .dns
            .iter()
            .map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)));
        let ips = self.ips.iter().map(|ip| Ok(SanType::IpAddress(*ip)));
        dns.chain(ips).collect()
    }

    /// Whether the certificate has exactly these names.
    pub(crate) fn are_those_of(&self, certificate_pem: &str) -> bool {
        inspect(certificate_pem, |certificate| {
            Self::from_certificate(certificate) == *self
        })
    }

    fn from_certificate(certificate: &X509Certificate<'_>) -> Self {
        let mut names = Self {
            dns: BTreeSet::new(),
            ips: BTreeSet::new(),
        };
        for extension in certificate.extensions() {
            if let ParsedExtension::SubjectAlternativeName(san) = extension.parsed_extension() {
                san.general_names
                    .iter()
                    .for_each(|name| names.add_general(name));
            }
        }
        names
    }

    fn add_general(&mut self, name: &GeneralName<'_>) {
        if let GeneralName::DNSName(name) = name {
            self.dns.insert((*name).to_owned());
        } else if let GeneralName::IPAddress(bytes) = name {
            if let Ok(bytes) = <[u8; 4]>::try_from(*bytes) {
                self.ips.insert(bytes.into());
            } else if let Ok(bytes) = <[u8; 16]>::try_from(*bytes) {
                self.ips.insert(bytes.into());
            }
        }
    }
}

/// Whether a certificate can go on being used: the authority has signed it,
/// and more than a third of its time is left.
pub(crate) fn is_still_good(
    certificate_pem: &str,
    authority: &CertificateDer<'_>,
    now: OffsetDateTime,
) -> bool {
    let lasts = |certificate: &X509Certificate<'_>| {
        let validity = certificate.validity();
        let (begin, end) = (
            validity.not_before.to_datetime(),
            validity.not_after.to_datetime(),
        );
        end - now > (end - begin) / 3
    };
    inspect(certificate_pem, lasts) && is_signed_by(certificate_pem, authority)
}

/// Whether the authority has signed the certificate.
pub(crate) fn is_signed_by(certificate_pem: &str, authority: &CertificateDer<'_>) -> bool {
    let Ok((_, authority)) = X509Certificate::from_der(authority) else {
        return false;
    };
    inspect(certificate_pem, |certificate| {
        let key = authority.public_key();
        certificate.verify_signature(Some(key)).is_ok()
    })
}

/// Whether a certificate's time is over.
pub(crate) fn is_over(certificate_pem: &str, now: OffsetDateTime) -> bool {
    inspect(certificate_pem, |certificate| {
        certificate.validity().not_after.to_datetime() <= now
    })
}

/// Asks something of a certificate; what is no certificate gets a no.
fn inspect(pem: &str, question: impl FnOnce(&X509Certificate<'_>) -> bool) -> bool {
    CertificateDer::from_pem_slice(pem.as_bytes()).is_ok_and(|der| {
        X509Certificate::from_der(&der).is_ok_and(|(_, certificate)| question(&certificate))
    })
}
