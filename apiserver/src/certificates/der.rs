//! Writing DER (X.690), as far as a certificate needs it.

use time::OffsetDateTime;

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const TRUE: [u8; 3] = [0x01, 0x01, 0xff];
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The tag for a field of context `number` that holds others.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// One value with its parts as content.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = vec![tag];
    if len < 0x80 {
        der.push(len as u8);
    } else {
        let bytes = len.to_be_bytes();
        let zeroes = bytes.iter().take_while(|byte| **byte == 0).count();
        der.push(0x80 | (bytes.len() - zeroes) as u8);
        der.extend_from_slice(&bytes[zeroes..]);
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A positive number whose first bit is not set.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    value(INTEGER, &[bytes])
}

/// A bit string of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes])
}

/// As RFC 5280 wants times: with two digits for the year until 2049.
pub(super) fn time(at: OffsetDateTime) -> Vec<u8> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let year = at.year();
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    if (1950..2050).contains(&year) {
        value(UTC_TIME, &[format!("{:02}{rest}", year % 100).as_bytes()])
    } else {
        value(GENERALIZED_TIME, &[format!("{year:04}{rest}").as_bytes()])
    }
}
