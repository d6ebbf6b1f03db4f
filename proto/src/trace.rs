use std::fmt;

/// Where a piece of work stands in a distributed trace: what `traceparent` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

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

impl TraceContext {
    /// The beginning of a trace that is to be collected; 0 stands for no id,
    /// and is taken for 1.
    pub fn root(trace_id: u128, span_id: u64) -> Self {
        Self {
            trace_id: trace_id.max(1),
            span_id: span_id.max(1),
            sampled: true,
        }
    }

    /// Reads a `traceparent`; `None` if it [is none](is_trace_parent).
    pub fn parse(text: &str) -> Option<Self> {
        if !is_trace_parent(text) {
            return None;
        }
        Some(Self {
            trace_id: u128::from_str_radix(text.get(3..35)?, 16).ok()?,
            span_id: u64::from_str_radix(text.get(36..52)?, 16).ok()?,
            sampled: u8::from_str_radix(text.get(53..55)?, 16).ok()? & 1 == 1,
        })
    }

    /// Work below this in the same trace.
    #[must_use]
    pub fn child(self, span_id: u64) -> Self {
        Self {
            span_id: span_id.max(1),
            ..self
        }
    }

    /// The trace, never 0.
    pub fn trace_id(self) -> u128 {
        self.trace_id
    }

    /// The work itself, never 0.
    pub fn span_id(self) -> u64 {
        self.span_id
    }

    /// Whether whoever began the trace wants it collected.
    pub fn is_sampled(self) -> bool {
        self.sampled
    }
}

/// A `traceparent` of version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            span_id,
            sampled,
        } = self;
        write!(
            f,
            "00-{trace_id:032x}-{span_id:016x}-{:02x}",
            u8::from(*sampled)
        )
    }
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
    fn a_context_reads_back_as_it_was_written_and_its_children_stay_in_the_trace() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert_eq!(context.to_string(), GOOD);
        let child = context.child(0x1234);
        assert_eq!(
            child.to_string(),
            "00-0af7651916cd43dd8448eb211c80319c-0000000000001234-01"
        );
        let unwanted = TraceContext::parse(&GOOD.replace("-01", "-00")).unwrap();
        assert!(context.is_sampled() && !unwanted.child(1).is_sampled());
        assert!(is_trace_parent(&TraceContext::root(0, 0).to_string()));
        assert_eq!(TraceContext::parse("00-0af7"), None);
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
