//! Which addresses an endpoint may have.

use std::net::IpAddr;

use serde_json::Value;

use super::fields::invalid;
use crate::FieldError;

/// What is wrong with an address as one that services are reached at.
pub(super) fn endpoint(field: &str, address: &str) -> Vec<FieldError> {
    let tell = |why: String| invalid(field, address, why);
    let Ok(ip) = address.parse::<IpAddr>() else {
        return vec![tell("must be a valid IP address".to_owned())];
    };
    let (local, multicast) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            (first & 0xffc0 == 0xfe80, first & 0xff0f == 0xff02)
        }
    };
    let mut wrong = Vec::new();
    if ip.is_unspecified() {
        wrong.push(tell(format!("may not be unspecified ({address})")));
    }
    for (so, why) in [
        (ip.is_loopback(), "loopback range (127.0.0.0/8, ::1/128)"),
        (local, "link-local range (169.254.0.0/16, fe80::/10)"),
        (
            multicast,
            "link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ] {
        if so {
            wrong.push(tell(format!("may not be in the {why}")));
        }
    }
    wrong
}

/// What is wrong with a text as an address.
pub(super) fn ip(field: &str, value: &Value) -> Option<FieldError> {
    let text = value.as_str().unwrap_or_default();
    let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    let good = text.parse::<IpAddr>().is_ok();
    (!good).then(|| invalid(field, text, detail))
}
