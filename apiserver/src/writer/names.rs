//! What the server makes up for new objects.

use rand::Rng as _;

/// A name of a base and five random letters, which are none that make words.
pub(crate) fn generate_name(base: &str) -> String {
    let mut random = rand::rng();
    let mut end = base.len().min(BASE_MAX);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let mut name = base[..end].to_owned();
    for _ in 0..5 {
        name.push(char::from(LETTERS[random.random_range(0..LETTERS.len())]));
    }
    name
}

/// A random UUID (RFC 9562, version 4).
pub(crate) fn new_uid() -> String {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

const BASE_MAX: usize = 58;
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
