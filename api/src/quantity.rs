//! Kubernetes' quantities (`100m`, `1Gi`, `1e3`) in the form in which the real
//! server writes them.

use std::cmp::Ordering;

/// A quantity in its canonical form; `None` for what is no quantity, or is too
/// large to be one.
///
/// What is canonical already stays as it was written, as does what the real
/// server takes for it: `1.500` and `+5`.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    written(text, NANO)
}

/// The same of an amount of something that containers have or nodes are made
/// of: no part of it finer than a thousandth is kept, and who asks for less
/// gets one.
#[must_use]
pub fn canonical_resource(text: &str) -> Option<String> {
    written(text, MILLI)
}

/// A quantity in its canonical form, with no part finer than `finest`.
fn written(text: &str, finest: i32) -> Option<String> {
    let text = text.trim();
    let parts = Parts::of(text)?;
    let format = Format::of(parts.suffix)?;
    if parts.is_kept(format, finest) {
        return Some(text.to_owned());
    }
    let digits = parts.digits();
    if digits.len() > DIGITS_MAX {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let scale = -i32::try_from(parts.fraction.len()).ok()?;
    if value == 0 {
        return Some("0".to_owned());
    }
    let (value, scale) = match format {
        Format::Binary(power) => (value.checked_mul(1 << power)?, scale),
        Format::Decimal(exponent) | Format::Exponent(exponent) => (value, scale + exponent),
    };
    let (value, scale) = rounded(value, scale, finest);
    let written = match format {
        Format::Binary(_) => binary(value, scale)?,
        Format::Decimal(_) => decimal(value, scale, true)?,
        Format::Exponent(_) => decimal(value, scale, false)?,
    };
    let sign = if parts.negative { "-" } else { "" };
    Some(format!("{sign}{written}"))
}

/// The sum of quantities, in the form of the first that is not zero; `None` if
/// one is no quantity, or the sum is too large to be one.
#[must_use]
pub fn sum<'a>(quantities: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut format = None;
    let mut sum: i128 = 0;
    for text in quantities {
        let parts = Parts::of(text.trim())?;
        let own = Format::of(parts.suffix)?;
        let value = parts.billionths(own)?;
        if value != 0 && format.is_none() {
            format = Some(own);
        }
        sum = sum.checked_add(if parts.negative { -value } else { value })?;
    }
    let Some(format) = format.filter(|_| sum != 0) else {
        return Some("0".to_owned());
    };
    let value = i128::try_from(sum.unsigned_abs()).ok()?;
    let written = match format {
        Format::Binary(_) => binary(value, NANO)?,
        Format::Decimal(_) => decimal(value, NANO, true)?,
        Format::Exponent(_) => decimal(value, NANO, false)?,
    };
    let sign = if sum < 0 { "-" } else { "" };
    Some(format!("{sign}{written}"))
}

/// Which of two quantities is more; `None` if one is none, or too large.
#[must_use]
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    let billionths = |text: &str| {
        let parts = Parts::of(text.trim())?;
        let value = parts.billionths(Format::of(parts.suffix)?)?;
        Some(if parts.negative { -value } else { value })
    };
    Some(billionths(one)?.cmp(&billionths(other)?))
}

/// How a quantity is scaled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    /// By a power of two, with a suffix.
    Binary(u32),
    /// By a power of ten, with a suffix or none.
    Decimal(i32),
    /// By a power of ten, written out.
    Exponent(i32),
}

/// A quantity's text, taken apart.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let end = |of: &str| {
            let end = of.find(|c: char| !c.is_ascii_digit());
            end.unwrap_or(of.len())
        };
        let (whole, mut rest) = unsigned.split_at(end(unsigned));
        let mut fraction = "";
        if let Some(behind) = rest.strip_prefix('.') {
            (fraction, rest) = behind.split_at(end(behind));
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        Some(Self {
            negative,
            whole: whole.trim_start_matches('0'),
            fraction,
            suffix: rest,
        })
    }

    /// All digits; the real server counts a missing zero before the point.
    fn digits(self) -> String {
        let whole = if self.whole.is_empty() {
            "0"
        } else {
            self.whole
        };
        format!("{whole}{}", self.fraction)
    }

    /// How many billionths it is, without its sign.
    fn billionths(self, format: Format) -> Option<i128> {
        let digits = self.digits();
        if digits.len() > DIGITS_MAX {
            return None;
        }
        let value: i128 = digits.parse().ok()?;
        let fraction = i32::try_from(self.fraction.len()).ok()?;
        let (value, scale) = match format {
            Format::Binary(power) => (value.checked_mul(1 << power)?, -fraction),
            Format::Decimal(exponent) | Format::Exponent(exponent) => (value, exponent - fraction),
        };
        if value == 0 {
            return Some(0);
        }
        let (value, scale) = rounded(value, scale, NANO);
        let finer = 10_i128.checked_pow(u32::try_from(scale - NANO).ok()?)?;
        value.checked_mul(finer)
    }

    /// Whether the real server takes it as it stands.
    fn is_kept(self, format: Format, finest: i32) -> bool {
        let digits = self.digits();
        match format {
            Format::Binary(power) => {
                // So many digits are sure to fit into 64 bits.
                let fits = 14 >= digits.len() as u32 + power * 3 / 10;
                let odd = digits.parse::<u64>().is_ok_and(|value| value & 7 != 0);
                self.fraction.is_empty() && fits && odd
            }
            Format::Decimal(exponent) | Format::Exponent(exponent) => {
                let scale = exponent - self.fraction.len() as i32;
                digits.len() <= 18
                    && scale >= finest
                    && scale % 3 == 0
                    && !digits.ends_with("000")
                    && !digits.starts_with('0')
            }
        }
    }
}

impl Format {
    fn of(suffix: &str) -> Option<Self> {
        if let Some(at) = BINARY.iter().position(|of| *of == suffix) {
            return Some(Self::Binary(10 * (at as u32 + 1)));
        }
        if let Some(at) = DECIMAL.iter().position(|of| *of == suffix) {
            return Some(Self::Decimal(NANO + 3 * at as i32));
        }
        let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
        (exponent.abs() <= EXPONENT_MAX).then_some(Self::Exponent(exponent))
    }
}

/// A number of that scale whose suffix was a power of two.
fn binary(value: i128, scale: i32) -> Option<String> {
    let unit = 10_i128.pow(scale.unsigned_abs());
    if value / unit < 1024 || value % unit != 0 {
        // Small numbers, and those with a part of one, are not rounded.
        return decimal(value, scale, true);
    }
    let mut value = (value / unit).min(i64::MAX.into());
    let mut times = 0;
    while value >= 1024 && value % 1024 == 0 {
        (value, times) = (value / 1024, times + 1);
    }
    let suffix = match times {
        0 => "",
        times => BINARY.get(times - 1)?,
    };
    Some(format!("{value}{suffix}"))
}

/// A number of that scale, with a suffix or an exponent.
fn decimal(mut value: i128, mut exponent: i32, suffixed: bool) -> Option<String> {
    while value % 10 == 0 {
        (value, exponent) = (value / 10, exponent + 1);
    }
    while exponent % 3 != 0 {
        (value, exponent) = (value.checked_mul(10)?, exponent - 1);
    }
    if suffixed {
        let at = usize::try_from((exponent - NANO) / 3).ok()?;
        return Some(format!("{value}{}", DECIMAL.get(at)?));
    }
    Some(match exponent {
        0 => value.to_string(),
        exponent => format!("{value}e{exponent}"),
    })
}

/// Nothing is finer than that, and who asks for less gets one.
fn rounded(value: i128, scale: i32, finest: i32) -> (i128, i32) {
    let finer = u32::try_from(finest - scale).unwrap_or(0);
    match 10_i128.checked_pow(finer) {
        Some(1) => (value, scale),
        Some(unit) => ((value + unit - 1) / unit, finest),
        None => (1, finest),
    }
}

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// From 10^-9 on, each a thousand times the one before.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const NANO: i32 = -9;
const MILLI: i32 = -3;
/// So many digits fit into 128 bits, with room for rounding.
const DIGITS_MAX: usize = 36;
const EXPONENT_MAX: i32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_the_real_server_writes_them() {
        for (text, written) in [
            ("0", "0"),
            ("000", "0"),
            ("0Gi", "0"),
            ("0.000", "0"),
            ("1", "1"),
            ("+5", "+5"),
            ("-1500m", "-1500m"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1.500", "1.500"),
            ("100m", "100m"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("100000000", "100M"),
            ("1e3", "1e3"),
            ("100e2", "10e3"),
            ("1E", "1E"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("1025Mi", "1025Mi"),
            ("512Mi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("0.1Ki", "102400m"),
            ("1023Ki", "1023Ki"),
            ("0.0000000001", "1n"),
            ("1.0000000001", "1000000001n"),
            ("16Ei", "9223372036854775807"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn sums_are_written_in_the_form_of_the_first() {
        for (texts, written) in [
            (&["4", "3920m"][..], "7920m"),
            (&["4", "4000m"], "8"),
            (&["0", "16393244Ki", "1Gi"], "17441820Ki"),
            (&["1Gi", "1Gi"], "2Gi"),
            (&["1G", "1Gi"], "2073741824"),
            (&["500e3", "500e3"], "1e6"),
            (&["1", "-1"], "0"),
            (&["1", "-3"], "-2"),
            (&[], "0"),
        ] {
            assert_eq!(
                sum(texts.iter().copied()).as_deref(),
                Some(written),
                "{texts:?}"
            );
        }
        assert_eq!(sum(["1", "x"]), None);
        let largest = "9".repeat(36);
        assert_eq!(sum([largest.as_str()]), None);
    }

    #[test]
    fn quantities_are_compared_by_what_they_amount_to() {
        assert_eq!(compare("1Gi", "1024Mi"), Some(Ordering::Equal));
        assert_eq!(compare("100u", "500m"), Some(Ordering::Less));
        assert_eq!(compare("1", "-1k"), Some(Ordering::Greater));
        assert_eq!(compare("1", "x"), None);
    }

    #[test]
    fn nothing_finer_than_a_thousandth_is_kept_of_a_resource() {
        for (text, written) in [
            ("100u", "1m"),
            ("-100u", "-1m"),
            ("1n", "1m"),
            ("1.0001", "1001m"),
            ("0.9999", "1"),
            ("1.000001", "1001m"),
            ("1500u", "2m"),
            ("2500e-6", "3e-3"),
            ("1.00001Gi", "1073752561419m"),
            ("100m", "100m"),
            ("1.500", "1.500"),
            ("1Gi", "1Gi"),
            ("0", "0"),
        ] {
            assert_eq!(canonical_resource(text).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_has_no_form() {
        for text in ["", "-", "x", "1x", "1.2.3", "1e", "1ee3", "1 Gi", "Gi"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_written_the_same_again() {
        for whole in ["0", "1", "7", "8", "999", "1000", "1024", "123456789"] {
            for fraction in ["", ".0", ".5", ".125", ".000000001", ".0000000009"] {
                for suffix in BINARY.iter().chain(&DECIMAL).chain(&["e3", "E-2"]) {
                    let text = format!("{whole}{fraction}{suffix}");
                    if let Some(once) = canonical(&text) {
                        assert_eq!(canonical(&once), Some(once), "{text}");
                    }
                }
            }
        }
    }
}
