/// Length of version 00: two, 32, 16 and two digits, and the dashes between.
const LEN: usize = 55;
/// The longest of a later version that is taken.
const MAX_LEN: usize = 256;

/// Whether a text is a `traceparent` as W3C Trace Context has it.
///
/// Lower-case hexadecimal digits only, no field of zeros where an id stands,
/// no version ff. A later version may say more behind what version 00 says, in
/// printable ASCII, up to 256 bytes in all.
pub fn is_trace_parent(text: &str) -> bool {
    if !text.is_ascii() || text.len() < LEN || text.len() > MAX_LEN {
        return false;
    }
    let (known, more) = text.split_at(LEN);
    let mut fields = known.split('-');
    let mut field = |len: usize| fields.next().filter(|field| is_hex(field, len));
    let (version, trace, parent, flags) = (field(2), field(32), field(16), field(2));
    let (Some(version), Some(trace), Some(parent), Some(_)) = (version, trace, parent, flags)
    else {
        return false;
    };
    let is_set = |id: &str| id.bytes().any(|digit| digit != b'0');
    let ends_well = match version {
        "00" => more.is_empty(),
        "ff" => false,
        _ => more.is_empty() || more.starts_with('-') && more.bytes().all(|b| b.is_ascii_graphic()),
    };
    ends_well && is_set(trace) && is_set(parent)
}

fn is_hex(field: &str, len: usize) -> bool {
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    field.len() == len && field.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_the_standard_has_is_taken() {
        assert!(is_trace_parent(GOOD));
        assert!(is_trace_parent(&GOOD.replacen("00", "01", 1)));
        assert!(is_trace_parent(&format!("cc{}-later", &GOOD[2..])));
    }

    #[test]
    fn anything_else_is_not() {
        for bad in [
            String::new(),
            GOOD.to_uppercase(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-more"),
            format!(" {GOOD}"),
            GOOD.replacen("00", "ff", 1),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace('-', "_"),
            GOOD.replacen("-b", "b-", 1),
            format!("cc{}later", &GOOD[2..]),
            format!("cc{}-a\nb", &GOOD[2..]),
            format!("cc{}-{}", &GOOD[2..], "a".repeat(300)),
            "\u{e4}".repeat(40),
        ] {
            assert!(!is_trace_parent(&bad), "{bad:?}");
        }
    }
}
