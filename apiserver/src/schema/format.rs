use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

/// Whether a text is of that format; any is of one that is not known.
pub(super) fn is_of(format: &str, text: &str) -> bool {
    match format {
        "byte" => STANDARD.decode(text).is_ok(),
        "date" => {
            let form = time::format_description::parse_borrowed::<2>("[year]-[month]-[day]");
            form.is_ok_and(|form| Date::parse(text, &form).is_ok())
        }
        "date-time" => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    }
}
