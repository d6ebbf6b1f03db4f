//! The messages that are not objects in JSON.

use serde_json::Value;

use super::{
    Error, utf8,
    wire::{Data, Fields},
};
use crate::negotiation::{Document, DocumentError};

/// Reads a message that is one of those, by its definition's name.
pub(super) fn decode(name: &str, message: &[u8]) -> Option<Result<Value, Error>> {
    let (package, kind) = name.rsplit_once('.')?;
    match (package.strip_prefix("io.k8s.apimachinery.pkg.")?, kind) {
        ("apis.meta.v1", "Time") => Some(time(message, false)),
        ("apis.meta.v1", "MicroTime") => Some(time(message, true)),
        ("api.resource", "Quantity") => Some(quantity(message)),
        ("util.intstr", "IntOrString") => Some(int_or_string(message)),
        ("apis.meta.v1", "FieldsV1") | ("runtime", "RawExtension") => Some(raw(message)),
        _ => None,
    }
}

/// No time at all is an empty message. Fractions count with micro times only.
fn time(message: &[u8], micro: bool) -> Result<Value, Error> {
    if message.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    for field in Fields::of(message) {
        match field? {
            (1, Data::Varint(number)) => seconds = number.cast_signed(),
            (2, Data::Varint(number)) => nanos = number.cast_signed(),
            _ => {}
        }
    }
    let (year, month, day) = date(seconds.div_euclid(86_400)).ok_or(Error::Time)?;
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    Ok(match nanos {
        _ if !micro => format!("{text}Z"),
        0..1_000_000_000 => format!("{text}.{:06}Z", nanos / 1000),
        _ => return Err(Error::Time),
    }
    .into())
}

/// Year, month and day of a number of days since 1970; `None` outside of the
/// years that RFC 3339 can say.
fn date(days: i64) -> Option<(i64, i64, i64)> {
    // Counted from 1 March of year 0, so that leap days end years; every 400
    // years take the same number of days.
    let days = days.checked_add(719_468)?;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era.checked_mul(400)? + i64::from(month <= 2);
    (0..=9999).contains(&year).then_some((year, month, day))
}

fn quantity(message: &[u8]) -> Result<Value, Error> {
    let mut text = "0";
    for field in Fields::of(message) {
        if let (1, Data::Bytes(bytes)) = field? {
            text = utf8(bytes)?;
        }
    }
    Ok(text.into())
}

fn int_or_string(message: &[u8]) -> Result<Value, Error> {
    let (mut is_text, mut number, mut text) = (false, 0, "");
    for field in Fields::of(message) {
        match field? {
            (1, Data::Varint(kind)) => is_text = kind != 0,
            #[expect(clippy::cast_possible_truncation, reason = "an int32 on the wire")]
            (2, Data::Varint(of)) => number = of as i32,
            (3, Data::Bytes(of)) => text = utf8(of)?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

/// JSON as it is.
fn raw(message: &[u8]) -> Result<Value, Error> {
    let mut value = Value::Null;
    for field in Fields::of(message) {
        if let (1, Data::Bytes(bytes)) = field?
            && !bytes.is_empty()
        {
            let read = Document::from_json(bytes).map_err(|error| match error {
                DocumentError::TooMany => Error::TooMany,
                DocumentError::Json(_) | DocumentError::Yaml(_) => Error::Json,
            })?;
            value = read.value;
        }
    }
    Ok(value)
}
