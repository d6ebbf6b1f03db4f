//! Writing PEM (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// One block with its label.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(64));
        pem += line;
        pem.push('\n');
        rest = behind;
    }
    pem += &format!("-----END {label}-----\n");
    pem
}
