//! Certificates, good and bad ones.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

/// Signs certificates: a hub's own authority, or one that nobody knows.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Validity {
    /// For an hour.
    Now,
    /// It was until a minute ago.
    Over,
}

impl Authority {
    /// One that nobody knows.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn unknown() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = params("an authority of somebody else", &[], Validity::Now);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority of the hub with this data folder.
    ///
    /// # Errors
    /// Its files cannot be read.
    pub fn of_hub(data: &Path) -> Result<Self> {
        Self::read(&data.join("ca.crt"), &data.join("ca.key"))
    }

    /// The authority of these files.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let pem = fs::read_to_string(certificate)?;
        let key = KeyPair::from_pem(&fs::read_to_string(key)?)?;
        let issuer = Issuer::from_ca_cert_pem(&pem, key)?;
        Ok(Self { pem, issuer })
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a client's certificate.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn client(&self, name: &str, groups: &[&str], validity: Validity) -> Result<Identity> {
        let mut params = params(name, groups, validity);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params)
    }

    /// Issues the certificate of an agent, as the hub itself would.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn agent(&self, cluster: &str, agent: &str, validity: Validity) -> Result<Identity> {
        let name = format!("{AGENTS}:{cluster}:{agent}");
        let groups = [
            format!("{AGENTS}:{cluster}"),
            format!("{AGENTS}:managed-clusters"),
        ];
        self.client(&name, &groups.each_ref().map(String::as_str), validity)
    }

    /// Issues a server's certificate.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn server(&self, address: IpAddr) -> Result<Identity> {
        let (certificate, key) = self.server_pem(address)?;
        Identity::from_pem(&certificate, &key)
    }

    /// Issues a server's certificate; it and its key, PEM.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn server_pem(&self, address: IpAddr) -> Result<(String, String)> {
        let mut params = params("server", &[], Validity::Now);
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue_pem(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Result<Identity> {
        let (certificate, key) = self.issue_pem(params)?;
        Identity::from_pem(&certificate, &key)
    }

    fn issue_pem(&self, params: &CertificateParams) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

impl Identity {
    /// Reads one.
    ///
    /// # Errors
    /// It is no PEM.
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self> {
        let chain =
            CertificateDer::pem_slice_iter(certificates.as_bytes()).collect::<Result<_, _>>()?;
        Ok(Self {
            chain,
            key: PrivateKeyDer::from_pem_slice(key.as_bytes())?,
        })
    }
}

/// What the names of Open Cluster Management's agents begin with.
const AGENTS: &str = "system:open-cluster-management";

fn params(name: &str, groups: &[&str], validity: Validity) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // A type can be there once; the same type spelt as its number is another.
    let kinds = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    for (kind, group) in kinds.into_iter().zip(groups) {
        params.distinguished_name.push(kind, *group);
    }
    params.not_before = now - Duration::hours(2);
    params.not_after = match validity {
        Validity::Now => now + Duration::hours(1),
        Validity::Over => now - Duration::minutes(1),
    };
    params
}
