use k8s_openapi::jiff::civil::DateTime;
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::super::CelError;
use super::super::eval::Evaluated;
use super::super::value::Value;

pub(super) fn timestamp<'a>(value: &Value<'_>) -> Evaluated<'a> {
    let invalid = |text: &str| CelError::Invalid(format!("invalid timestamp: {text:?}"));
    match value {
        Value::Timestamp(moment) => Ok(Value::Timestamp(*moment)),
        Value::Text(text) => {
            let moment = text.parse().map_err(|_| invalid(text))?;
            Ok(Value::Timestamp(moment))
        }
        Value::Int(seconds) => {
            let moment = Timestamp::from_second(*seconds);
            let moment = moment.map_err(|_| invalid(&seconds.to_string()))?;
            Ok(Value::Timestamp(moment))
        }
        _ => Err(CelError::NoSuchOverload),
    }
}

pub(super) fn duration<'a>(value: &Value<'_>) -> Evaluated<'a> {
    match value {
        Value::Duration(span) => Ok(Value::Duration(*span)),
        Value::Int(nanoseconds) => Ok(Value::Duration(SignedDuration::from_nanos(*nanoseconds))),
        Value::Text(text) => match parse(text) {
            Some(span) => Ok(Value::Duration(span)),
            None => Err(CelError::Invalid(format!(
                "invalid duration: {:?}",
                &**text
            ))),
        },
        _ => Err(CelError::NoSuchOverload),
    }
}

/// A span of time as Go writes it: `1h30m`, `-1.5s`.
fn parse(text: &str) -> Option<SignedDuration> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|of: char| !of.is_ascii_digit() && of != '.')?;
        let (number, behind) = rest.split_at(end);
        let end = behind.find(|of: char| of.is_ascii_digit() || of == '.');
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        rest = behind;
        let unit: i64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut nanoseconds = match whole {
            "" => 0,
            whole => whole.parse::<i64>().ok()?.checked_mul(unit)?,
        };
        let mut part = unit;
        for digit in fraction.bytes() {
            part /= 10;
            nanoseconds = nanoseconds.checked_add(part * i64::from(digit.checked_sub(b'0')?))?;
            if digit > b'9' {
                return None;
            }
        }
        total = total.checked_add(nanoseconds)?;
    }
    let total = if negative { -total } else { total };
    Some(SignedDuration::from_nanos(total))
}

/// A span of time as a text.
pub(super) fn seconds(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "-" } else { "" };
    let nanoseconds = span.as_nanos().unsigned_abs();
    let (whole, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let fraction = format!(".{fraction:09}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{whole}{fraction}s")
}

pub(super) fn of_timestamp<'a>(
    moment: Timestamp,
    name: &str,
    arguments: &[Value<'_>],
) -> Evaluated<'a> {
    let zone = match arguments {
        [] => "UTC",
        [Value::Text(zone)] => zone,
        _ => return Err(CelError::NoSuchOverload),
    };
    let at: DateTime = match zone {
        "UTC" | "Z" | "+00:00" | "00:00" => TimeZone::UTC.to_datetime(moment),
        _ => {
            let what = format!("timezone {zone:?} is not supported, only UTC");
            return Err(CelError::Invalid(what));
        }
    };
    let number = match name {
        "getDate" => i64::from(at.day()),
        "getDayOfMonth" => i64::from(at.day()) - 1,
        "getDayOfWeek" => i64::from(at.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => i64::from(at.day_of_year()) - 1,
        "getFullYear" => i64::from(at.year()),
        "getHours" => i64::from(at.hour()),
        "getMilliseconds" => i64::from(at.millisecond()),
        "getMinutes" => i64::from(at.minute()),
        "getMonth" => i64::from(at.month()) - 1,
        "getSeconds" => i64::from(at.second()),
        _ => return Err(CelError::NoSuchOverload),
    };
    Ok(Value::Int(number))
}

pub(super) fn of_duration<'a>(
    span: SignedDuration,
    name: &str,
    arguments: &[Value<'_>],
) -> Evaluated<'a> {
    let number = match (name, arguments) {
        ("getHours", []) => span.as_hours(),
        ("getMilliseconds", []) => i64::from(span.subsec_millis()),
        ("getMinutes", []) => span.as_mins(),
        ("getSeconds", []) => span.as_secs(),
        _ => return Err(CelError::NoSuchOverload),
    };
    Ok(Value::Int(number))
}
