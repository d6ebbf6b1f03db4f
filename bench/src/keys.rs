//! Certificates of the systems that do not make their own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use harness::scratch;
use proto::AgentIdentity;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

/// An authority, and where what it issued is: `ca.crt`, and `NAME.crt` and
/// `NAME.key` for each name. All keys are of P-256.
#[derive(Debug)]
pub(crate) struct Keys {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// What one agent of many is known by.
pub(crate) struct AgentKey {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// Lower-case hexadecimal.
    pub(crate) serial: String,
}

/// The name that every server's certificate is for.
pub(crate) const SERVER: &str = "localhost";

/// The password of server.p12; the format wants one.
pub(crate) const PKCS12_PASSWORD: &str = "bench";

impl Keys {
    /// A new authority, and a server's, a client's and an agent's certificate.
    ///
    /// # Errors
    /// The files cannot be written, or `openssl` is missing.
    pub(crate) fn create() -> Result<Self> {
        let this = Self::authority()?;
        for name in ["server", "client", "agent"] {
            this.issue(name, SERVER, None)?;
        }
        this.pack_server()?;
        Ok(this)
    }

    /// A new authority, the certificates of an API server and of its
    /// administrator as the client's, and `accounts.key` for service accounts.
    ///
    /// # Errors
    /// The files cannot be written.
    pub(crate) fn of_api_server() -> Result<Self> {
        let this = Self::authority()?;
        this.issue("server", SERVER, None)?;
        this.issue("client", "bench", Some("system:masters"))?;
        // Kubernetes does not read the newer form that elliptic keys are written in.
        let accounts = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        fs::write(this.file("accounts.key"), accounts.serialize_pem())?;
        Ok(this)
    }

    /// The authority of a hub with this data folder, and a certificate of a
    /// hub's administrator as the client's.
    ///
    /// # Errors
    /// Its files cannot be read.
    pub(crate) fn of_hub(data: &Path) -> Result<Self> {
        let folder = scratch::fresh_folder("keys")?;
        let authority = fs::read_to_string(data.join("ca.crt"))?;
        let key = KeyPair::from_pem(&fs::read_to_string(data.join("ca.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&authority, key)?;
        fs::write(folder.join("ca.crt"), &authority)?;
        let this = Self { folder, issuer };
        this.issue("client", "bench", Some("system:masters"))?;
        Ok(this)
    }

    /// Issues the certificate of the agent of this number, as the hub does.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn agent(&self, identity: &AgentIdentity, number: u32) -> Result<AgentKey> {
        let mut params = params(&identity.common_name(), None);
        let [first, second] = identity.organizations();
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, first);
        // The builder holds one value a type; this is the same type spelt out.
        name.push(DnType::CustomDnType(vec![2, 5, 4, 10]), second);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        // The first byte makes it a positive number without leading zeros.
        let serial = 0x42 << 56 | u64::from(number);
        params.serial_number = Some(serial.into());
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(AgentKey {
            serial: format!("{serial:016x}"),
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }

    /// The folder of the files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn authority() -> Result<Self> {
        let folder = scratch::fresh_folder("keys")?;
        let key = KeyPair::generate()?;
        let mut params = params("bench authority", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        fs::write(folder.join("ca.crt"), params.self_signed(&key)?.pem())?;
        Ok(Self {
            folder,
            issuer: Issuer::new(params, key),
        })
    }

    fn issue(&self, name: &str, common_name: &str, organization: Option<&str>) -> Result<()> {
        let mut params = params(common_name, organization);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ];
        params.subject_alt_names = vec![
            SanType::DnsName(SERVER.try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V4(crate::place::HUB_ADDRESS)),
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        fs::write(self.file(&format!("{name}.crt")), certificate.pem())?;
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem())?;
        Ok(())
    }

    /// rathole wants a server's certificate and key as PKCS #12.
    fn pack_server(&self) -> Result<()> {
        let packed = Command::new("openssl")
            .args(["pkcs12", "-export", "-out"])
            .arg(self.file("server.p12"))
            .arg("-in")
            .arg(self.file("server.crt"))
            .arg("-inkey")
            .arg(self.file("server.key"))
            .args(["-passout", &format!("pass:{PKCS12_PASSWORD}")])
            .output()
            .context("cannot run openssl (Debian: openssl)")?;
        let said = String::from_utf8_lossy(&packed.stderr);
        ensure!(packed.status.success(), "openssl pkcs12 failed: {said}");
        Ok(())
    }
}

fn params(common_name: &str, organization: Option<&str>) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization);
    }
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(2);
    params
}
