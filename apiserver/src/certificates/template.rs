use time::OffsetDateTime;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::oid_registry::{
    OID_X509_EXT_SUBJECT_ALT_NAME, OID_X509_EXT_SUBJECT_KEY_IDENTIFIER,
};
use x509_parser::prelude::{X509Certificate, X509CertificationRequest};

use super::der::{self, OCTET_STRING, OID, SEQUENCE, SET, TRUE};

/// What a certificate is to say.
#[derive(Debug)]
pub(super) struct Template<'a> {
    /// The issuer's name, DER.
    pub(super) issuer: &'a [u8],
    pub(super) authority_key_id: Option<&'a [u8]>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    pub(super) request: &'a X509CertificationRequest<'a>,
    pub(super) usages: &'a [String],
}

const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const CLIENT_AUTH: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const VERSION_3: [u8; 3] = [0x02, 0x01, 0x02];

/// The attributes of `2.5.4` that a subject keeps, as the real signer does:
/// common name, serial number, country, locality, province, street,
/// organization, unit and postal code.
const KEPT: [u8; 9] = [3, 5, 6, 7, 8, 9, 10, 11, 17];

/// Of the extensions below `2.5.29`.
const KEY_USAGE: u8 = 15;
const ALTERNATIVE_NAMES: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const AUTHORITY_KEY_ID: u8 = 35;
const EXTENDED_KEY_USAGE: u8 = 37;

impl Template<'_> {
    /// The certificate, DER; `None` if it cannot be signed.
    pub(super) fn signed(&self, sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let algorithm = der::value(SEQUENCE, &[&der::value(OID, &[&ECDSA_WITH_SHA256])]);
        let info = &self.request.certification_request_info;
        let validity = [der::time(self.not_before), der::time(self.not_after)];
        let certificate = der::value(
            SEQUENCE,
            &[
                &der::value(der::context(0), &[&VERSION_3]),
                &der::integer(&random_serial()),
                &algorithm,
                self.issuer,
                &der::value(SEQUENCE, &[&validity[0], &validity[1]]),
                &self.subject(),
                info.subject_pki.raw,
                &der::value(der::context(3), &[&self.extensions()]),
            ],
        );
        let signature = der::bits(&sign(&certificate)?);
        Some(der::value(
            SEQUENCE,
            &[&certificate, &algorithm, &signature],
        ))
    }

    fn subject(&self) -> Vec<u8> {
        let subject = &self.request.certification_request_info.subject;
        let kept = subject.iter_attributes().filter(|attribute| {
            let oid = attribute.attr_type().as_bytes();
            matches!(oid, [0x55, 0x04, last] if KEPT.contains(last))
        });
        let names: Vec<Vec<u8>> = kept
            .map(|attribute| {
                let text = attribute.attr_value();
                // Texts are of the universal class, with numbers below 31.
                let text = der::value(text.tag().0 as u8, &[text.data]);
                let oid = der::value(OID, &[attribute.attr_type().as_bytes()]);
                der::value(SET, &[&der::value(SEQUENCE, &[&oid, &text])])
            })
            .collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        der::value(SEQUENCE, &names)
    }

    fn extensions(&self) -> Vec<u8> {
        let client = der::value(SEQUENCE, &[&der::value(OID, &[&CLIENT_AUTH])]);
        let mut all = vec![
            extension(EXTENDED_KEY_USAGE, false, &client),
            extension(BASIC_CONSTRAINTS, true, &der::value(SEQUENCE, &[])),
        ];
        if let Some(usage) = self.key_usage() {
            all.insert(0, extension(KEY_USAGE, true, &usage));
        }
        if let Some(id) = self.authority_key_id {
            let id = der::value(SEQUENCE, &[&der::value(0x80, &[id])]);
            all.push(extension(AUTHORITY_KEY_ID, false, &id));
        }
        if let Some(names) = alternative_names(self.request) {
            all.push(extension(ALTERNATIVE_NAMES, false, names));
        }
        let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        der::value(SEQUENCE, &all)
    }

    fn key_usage(&self) -> Option<Vec<u8>> {
        let has = |usage: &str| self.usages.iter().any(|of| of == usage);
        let bit = |usage, bit| if has(usage) { bit } else { 0 };
        let bits: u8 = bit("digital signature", 0x80) | bit("key encipherment", 0x20);
        let unused = u8::try_from(bits.trailing_zeros()).ok()?;
        (bits != 0).then(|| der::value(der::BIT_STRING, &[&[unused, bits]]))
    }
}

/// How a CA's certificate names its key.
pub(super) fn subject_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    let mut extensions = certificate.extensions().iter();
    let found = extensions.find(|of| of.oid == OID_X509_EXT_SUBJECT_KEY_IDENTIFIER)?;
    // An octet string, shorter than 128 bytes.
    match found.value {
        [OCTET_STRING, len, id @ ..] if usize::from(*len) == id.len() => Some(id.to_vec()),
        _ => None,
    }
}

fn alternative_names<'a>(request: &'a X509CertificationRequest<'_>) -> Option<&'a [u8]> {
    let attributes = request.certification_request_info.iter_attributes();
    attributes
        .filter_map(|attribute| {
            let asked = attribute.parsed_attribute();
            let ParsedCriAttribute::ExtensionRequest(asked) = asked else {
                return None;
            };
            Some(&asked.extensions)
        })
        .flatten()
        .find(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME)
        .map(|extension| extension.value)
}

fn extension(number: u8, critical: bool, content: &[u8]) -> Vec<u8> {
    let oid = der::value(OID, &[&[0x55, 0x1d, number]]);
    let critical: &[u8] = if critical { &TRUE } else { &[] };
    let content = der::value(OCTET_STRING, &[content]);
    der::value(SEQUENCE, &[&oid, critical, &content])
}

/// A positive number of exactly 16 bytes (RFC 5280 section 4.1.2.2: positive,
/// 20 bytes at most).
fn random_serial() -> [u8; 16] {
    let mut serial: [u8; 16] = rand::random();
    serial[0] = (serial[0] & 0x3f) | 0x40;
    serial
}
