//! The certificate that the hub shows, and its key.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::{SetupError, hostname, save};
use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::ca::{ServerNames, is_over, is_signed_by, is_still_good};
use crate::data_dir::{self, DataDir, DataDirError, Secrecy};
use crate::hub::tls::Pair;
use crate::lifetime::Lifetime;

/// Why a certificate and a key are no pair to serve with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PairError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("serving.crt holds no certificate or more than {MAX_CHAIN}")]
    Length,
    #[error("serving.crt or serving.key is no PEM file")]
    Pem(#[from] pem::Error),
    #[error("serving.crt and serving.key do not fit together")]
    Tls(#[from] rustls::Error),
}

const LIFETIME: Lifetime = Lifetime::from_days(365);
/// Certificates shown at once: the hub's own, and those between it and a root.
const MAX_CHAIN: usize = 8;

/// Makes the pair if there is none, or if it needs to be another.
///
/// Of its own authorities' certificates, one stays that the right authority
/// has signed, for the right names, with a third of its time left. One of
/// another authority is its owner's to renew, and stays until its time is over.
pub(super) fn prepare(
    data: &DataDir,
    authorities: &Authorities,
    addresses: &Addresses,
) -> Result<(), SetupError> {
    let mut names = ServerNames::of_this_machine(hostname().as_deref());
    for host in addresses.hosts() {
        names.add(host);
    }
    let certificate = data_dir::read_if_present(&data.serving_certificate())?;
    let key = data_dir::read_if_present(&data.serving_key())?;
    if let (Some(certificate), Some(key)) = (certificate, key)
        && certified(&certificate, &key).is_ok()
        && stays(&certificate, authorities, &names)
    {
        return Ok(());
    }
    let issued = authorities
        .serving_signer()
        .issue_server(&names, LIFETIME)?;
    save(data.serving_key(), issued.expose_key(), Secrecy::Private)?;
    save(
        data.serving_certificate(),
        &issued.certificate_pem,
        Secrecy::Public,
    )?;
    tracing::info!(serial = issued.serial, "issued a serving certificate");
    Ok(())
}

/// Makes another pair if the end of the present one is near.
pub(in crate::hub) fn renew(data: &DataDir, addresses: &Addresses) -> Result<(), SetupError> {
    prepare(data, &Authorities::load(data)?, addresses)
}

/// Reads the pair that is there, and which of the hub's own authorities has
/// signed it, if one has.
pub(in crate::hub) fn take_up(data: &DataDir) -> Result<Pair, PairError> {
    let certificate = data_dir::read(&data.serving_certificate())?;
    let key = data_dir::read(&data.serving_key())?;
    let own = certified(&certificate, &key)?;
    let mut with_authority = own.clone();
    for path in [data.ca_certificate(), data.previous_ca_certificate()] {
        let Some(pem) = data_dir::read_if_present(&path)? else {
            continue;
        };
        let Ok(authority) = CertificateDer::from_pem_slice(pem.as_bytes()) else {
            continue;
        };
        if is_signed_by(&certificate, &authority) {
            with_authority.cert.push(authority);
            break;
        }
    }
    Ok(Pair {
        own: Arc::new(own),
        with_authority: Arc::new(with_authority),
    })
}

fn stays(certificate: &str, authorities: &Authorities, names: &ServerNames) -> bool {
    let now = OffsetDateTime::now_utc();
    let own = authorities
        .own()
        .any(|authority| is_signed_by(certificate, authority.certificate()));
    if !own {
        return !is_over(certificate, now);
    }
    let signer = authorities.serving_signer().certificate();
    names.are_those_of(certificate) && is_still_good(certificate, signer, now)
}

pub(super) fn certified(certificate: &str, key: &str) -> Result<CertifiedKey, PairError> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
    let chain: Vec<_> = chain.take(MAX_CHAIN + 1).collect::<Result<_, _>>()?;
    if chain.is_empty() || chain.len() > MAX_CHAIN {
        return Err(PairError::Length);
    }
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(key.as_bytes())?)?;
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match()?;
    Ok(pair)
}
