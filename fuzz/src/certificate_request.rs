use std::sync::LazyLock;

use apiserver::certificates::{CertificateSigner, SigningRequest};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use time::{Duration, OffsetDateTime};

static SIGNER: LazyLock<CertificateSigner> = LazyLock::new(|| {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.not_before = OffsetDateTime::UNIX_EPOCH;
    params.not_after = OffsetDateTime::UNIX_EPOCH + Duration::days(100);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    CertificateSigner::new(&certificate.pem(), &key.serialize_pem(), Duration::DAY)
        .expect("an authority")
});

/// Requests for certificates, in DER or PEM.
///
/// What is signed is one certificate, not many times as large as the request.
pub fn certificate_request(data: &[u8]) {
    let wrapped = pem(data);
    let usages = ["client auth".to_owned()];
    for request in [data, wrapped.as_bytes()] {
        let request = SigningRequest {
            request,
            signer_name: "kubernetes.io/kube-apiserver-client",
            usages: &usages,
            expiration_seconds: Some(3600),
        };
        let now = OffsetDateTime::UNIX_EPOCH + Duration::DAY;
        if let Ok(certificate) = SIGNER.sign(&request, now) {
            assert_eq!(certificate.matches("BEGIN CERTIFICATE-----").count(), 1);
            assert!(certificate.len() <= 4096 + 2 * request.request.len());
        }
    }
}

/// DER as PEM, in one line.
fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "-----BEGIN CERTIFICATE REQUEST-----\n".to_owned();
    for (line, chunk) in der.chunks(3).enumerate() {
        if line > 0 && line % 16 == 0 {
            text.push('\n');
        }
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            text.push(if place <= chunk.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text + "\n-----END CERTIFICATE REQUEST-----\n"
}
