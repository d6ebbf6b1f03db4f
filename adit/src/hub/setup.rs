//! The files a hub needs, made at the first start and kept after.

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_agent::HubAddress;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tunnel::quic::ResetKey;

use crate::addresses::{Addresses, AddressesError};
use crate::authorities::{Authorities, AuthoritiesError};
use crate::ca::{AuthorityError, Subject, is_still_good};
use crate::data_dir::{self, DataDir, DataDirError, Secrecy};
use crate::kubeconfig::{HubAccess, KubeconfigError, Login};
use crate::lifetime::Lifetime;

mod serving;

pub(super) use serving::{PairError, renew as renew_serving, take_up as take_up_serving};

/// Why the hub's files cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error(transparent)]
    Addresses(#[from] AddressesError),
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("cannot write the administrator's kubeconfig")]
    Kubeconfig(#[from] KubeconfigError),
    #[error("cannot issue a certificate")]
    Issue(#[from] AuthorityError),
    #[error("this machine's name is no host's name; say how the hub is reached with --advertise")]
    NoAddress,
    #[error("the serving certificate cannot be used")]
    Serving(#[from] PairError),
}

const ADMIN_LIFETIME: Lifetime = Lifetime::from_days(365);

/// The user's name in the administrator's kubeconfig.
const ADMIN: &str = "adit-admin";

/// How the hub is reached, if nobody says: by the addresses it listens on, or
/// by this machine's name where it listens on all of them.
pub(super) fn addresses(
    advertise: Vec<HubAddress>,
    listeners: &[TcpListener],
) -> Result<Addresses, SetupError> {
    if let Some(addresses) = Addresses::new(advertise) {
        return Ok(addresses);
    }
    let listening = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok());
    let reached: Vec<HubAddress> = listening
        .filter_map(|address| reached_at(address).parse().ok())
        .collect();
    let addresses = Addresses::new(reached).ok_or(SetupError::NoAddress)?;
    let url = addresses.url();
    tracing::info!(
        url,
        "no --advertise: agents and users will be told this address"
    );
    Ok(addresses)
}

fn reached_at(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return address.to_string();
    }
    let host = hostname().unwrap_or_else(|| "localhost".to_owned());
    format!("{host}:{}", address.port())
}

/// Makes what is missing or about to expire; what is there and good stays.
///
/// A file that others depend on is written last, so that a start that was
/// interrupted anywhere is simply taken up by the next.
///
/// The authorities and the serving certificate are taken from the files after.
pub(super) async fn prepare(data: &DataDir, addresses: &Addresses) -> Result<(), SetupError> {
    let _writer = data.lock_for_writing().await?;
    let authorities = Authorities::load_or_make(data)?;
    prepare_for(data, &authorities, addresses)
}

/// Makes the hub's own files anew as far as these authorities ask for it.
///
/// The caller holds the writers' lock.
pub(crate) fn prepare_for(
    data: &DataDir,
    authorities: &Authorities,
    addresses: &Addresses,
) -> Result<(), SetupError> {
    serving::prepare(data, authorities, addresses)?;
    admin_kubeconfig(data, authorities, addresses)?;
    addresses.save(data)?;
    Ok(())
}

/// The key by which agents know that this hub's process took the place of theirs;
/// one that is no key is made anew, which costs agents some seconds once.
pub(super) fn quic_reset_key(data: &DataDir) -> Result<ResetKey, SetupError> {
    let path = data.quic_reset_key();
    if let Some(key) = data_dir::read_if_present(&path)?.and_then(|text| parse_key(&text)) {
        return Ok(ResetKey::new(key));
    }
    let key: [u8; 32] = rand::random();
    save(path, &STANDARD.encode(key), Secrecy::Private)?;
    Ok(ResetKey::new(key))
}

fn parse_key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn admin_kubeconfig(
    data: &DataDir,
    authorities: &Authorities,
    addresses: &Addresses,
) -> Result<(), SetupError> {
    let path = data.admin_kubeconfig();
    let present = data_dir::read_if_present(&path)?.unwrap_or_default();
    let login = match HubAccess::parse(&present).map(|access| access.login) {
        Ok(login) if is_good(&login, authorities) => login,
        Ok(_) | Err(_) => {
            let issued = authorities
                .signer()
                .issue_client(&Subject::administrator(), ADMIN_LIFETIME)?;
            Login::Certificate {
                certificate_pem: issued.certificate_pem,
                key_pem: issued.key_pem,
            }
        }
    };
    let access = HubAccess {
        server: addresses.url(),
        authority_pem: authorities.bundle_pem(),
        user: ADMIN.to_owned(),
        login,
    };
    let text = access.for_hub()?;
    if text != present {
        save(path, &text, Secrecy::Private)?;
    }
    Ok(())
}

fn is_good(login: &Login, authorities: &Authorities) -> bool {
    let Login::Certificate {
        certificate_pem, ..
    } = login
    else {
        return false;
    };
    let now = OffsetDateTime::now_utc();
    authorities
        .trusted()
        .any(|authority| is_still_good(certificate_pem, authority.certificate(), now))
}

fn save(path: PathBuf, text: &str, secrecy: Secrecy) -> Result<(), DataDirError> {
    data_dir::write(&path, text.as_bytes(), secrecy)
        .map_err(|source| DataDirError::Write { path, source })
}

pub(super) fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty() && name != "(none)").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn addresses_of(hosts: &[&str]) -> Addresses {
        Addresses::new(hosts.iter().map(|host| host.parse().unwrap()).collect()).unwrap()
    }

    fn contents(data: &DataDir) -> [String; 3] {
        [
            data.ca_certificate(),
            data.serving_certificate(),
            data.admin_kubeconfig(),
        ]
        .map(|path| fs::read_to_string(path).unwrap())
    }

    #[tokio::test]
    async fn a_second_start_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        prepare(&data, &addresses_of(&["hub:1"])).await.unwrap();
        let first = contents(&data);
        prepare(&data, &addresses_of(&["hub:1"])).await.unwrap();
        assert_eq!(contents(&data), first);
    }

    #[tokio::test]
    async fn another_address_gets_another_serving_certificate_from_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        prepare(&data, &addresses_of(&["hub:1"])).await.unwrap();
        let [authority, serving, admin] = contents(&data);
        prepare(&data, &addresses_of(&["other:2"])).await.unwrap();
        let [authority_after, serving_after, admin_after] = contents(&data);
        assert_eq!(authority, authority_after);
        assert_ne!(serving, serving_after);
        assert!(admin.contains("https://hub:1") && admin_after.contains("https://other:2"));
    }

    #[tokio::test]
    async fn private_files_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        prepare(&data, &addresses_of(&["hub:1"])).await.unwrap();
        for path in [data.ca_key(), data.serving_key(), data.admin_kubeconfig()] {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    }

    #[tokio::test]
    async fn a_key_that_does_not_fit_its_certificate_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        prepare(&data, &addresses_of(&["hub:1"])).await.unwrap();
        fs::copy(data.ca_key(), data.serving_key()).unwrap();
        prepare(&data, &addresses_of(&["hub:1"])).await.unwrap();
        let key = fs::read_to_string(data.serving_key()).unwrap();
        serving::certified(&contents(&data)[1], &key).unwrap();
    }

    #[tokio::test]
    async fn a_renewal_never_makes_an_authority() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        assert!(renew_serving(&data, &addresses_of(&["hub:1"])).is_err());
        assert!(!data.ca_certificate().exists() && !data.ca_key().exists());
    }
}
