use std::fmt::{self, Write as _};

/// A text in quotes, as Go's `%q` writes it: the real server's messages have
/// names in this form, and clients read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'t>(pub(crate) &'t str);

/// Several texts, as Go's `%q` writes a slice: `["a" "b"]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuotedList<'t, T>(pub(crate) &'t [T]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\u{7}' => f.write_str("\\a")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{c}' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\u{b}' => f.write_str("\\v")?,
                '\'' | ' '..='~' => f.write_char(c)?,
                _ if c.is_ascii() => write!(f, "\\x{:02x}", u32::from(c))?,
                _ if c.escape_debug().len() == 1 => f.write_char(c)?,
                _ if u32::from(c) < 0x1_0000 => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => write!(f, "\\U{:08x}", u32::from(c))?,
            }
        }
        f.write_char('"')
    }
}

impl<T: AsRef<str>> fmt::Display for QuotedList<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (index, text) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            Quoted(text.as_ref()).fmt(f)?;
        }
        f.write_char(']')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("a'b", r#""a'b""#),
            ("a\"\\", r#""a\"\\""#),
            ("\u{0}\n\u{7f}", r#""\x00\n\x7f""#),
            ("Zoë\u{ad}\u{e0001}", r#""Zoë\u00ad\U000e0001""#),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
        assert_eq!(QuotedList(&["a", ""]).to_string(), r#"["a" ""]"#);
    }
}
