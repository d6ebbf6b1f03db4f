//! The files of a cluster.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use time::{Duration, OffsetDateTime};

use super::API_PORT;

/// Someone whom the API server knows by a token, and the hub by another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct User {
    /// The name, also of the context in the cluster's kubeconfig.
    pub name: &'static str,
    /// The one group.
    pub group: &'static str,
}

impl User {
    /// May do anything; a hub's own administrator has this name.
    pub const ADMIN: Self = Self {
        name: "adit:admin",
        group: "system:masters",
    };
    /// May edit things, and no more: a plain user.
    pub const ALICE: Self = Self {
        name: "alice",
        group: "developers",
    };
    /// Nobody has given him any right.
    pub const BOB: Self = Self {
        name: "bob",
        group: "guests",
    };

    /// All of them.
    pub const ALL: [Self; 3] = [Self::ADMIN, Self::ALICE, Self::BOB];

    /// The token that the API server knows.
    pub fn token(self) -> String {
        format!("{}-of-this-cluster", self.name)
    }
}

/// The context of the cluster's kubeconfig that has no credential.
pub const ANONYMOUS: &str = "anonymous";

/// What plain users may do, and whom nobody needs to be told of.
const RULES: &str = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: developers
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: edit
subjects:
  - apiGroup: rbac.authorization.k8s.io
    kind: Group
    name: developers
";

pub(super) fn write(folder: &Path, address: Ipv4Addr) -> Result<()> {
    // Kubernetes does not read the newer form that elliptic keys are written in.
    let signing = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    fs::write(folder.join("sa.key"), signing.serialize_pem())?;
    write_authorities(folder)?;
    fs::write(folder.join("tokens.csv"), tokens()?)?;
    fs::write(folder.join("admin.kubeconfig"), kubeconfig(address)?)?;
    fs::write(folder.join("rules.yaml"), RULES)?;
    fs::create_dir(folder.join("containers"))?;
    Ok(())
}

/// Who signs clients' certificates, and who the aggregation layer's.
fn write_authorities(folder: &Path) -> Result<()> {
    write_authority(folder, "client-ca")?;
    let proxies = write_authority(folder, "front-proxy-ca")?;
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = named("front-proxy-client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, &proxies)?;
    fs::write(folder.join("front-proxy-client.crt"), certificate.pem())?;
    fs::write(folder.join("front-proxy-client.key"), key.serialize_pem())?;
    Ok(())
}

fn write_authority(folder: &Path, name: &str) -> Result<Issuer<'static, KeyPair>> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let certificate = params.self_signed(&key)?;
    fs::write(folder.join(format!("{name}.crt")), certificate.pem())?;
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    Ok(Issuer::new(params, key))
}

fn named(name: &str) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(30);
    params
}

fn tokens() -> Result<String> {
    let mut lines = String::new();
    for user in User::ALL {
        // Without an id, which a certificate does not give either.
        writeln!(lines, "{},{},,\"{}\"", user.token(), user.name, user.group)?;
    }
    Ok(lines)
}

fn kubeconfig(address: Ipv4Addr) -> Result<String> {
    let mut text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {}\nclusters:\n- name: direct\n  cluster:\n    \
         server: https://{address}:{API_PORT}\n    certificate-authority: apiserver-certs/apiserver.crt\n",
        User::ADMIN.name
    );
    text.push_str("users:\n");
    writeln!(text, "- name: {ANONYMOUS}\n  user: {{}}")?;
    for user in User::ALL {
        write!(
            text,
            "- name: {}\n  user:\n    token: {}\n",
            user.name,
            user.token()
        )?;
    }
    text.push_str("contexts:\n");
    for name in User::ALL
        .map(|user| user.name)
        .into_iter()
        .chain([ANONYMOUS])
    {
        write!(
            text,
            "- name: {name}\n  context:\n    cluster: direct\n    user: {name}\n"
        )?;
    }
    Ok(text)
}
