//! Says of a text that is no JSON what Go's decoder says of it, which is what
//! the real server answers with.

/// What is wrong with it; `None` if nothing is.
pub(super) fn complaint(text: &[u8], max_depth: usize) -> Option<String> {
    let mut scanner = Scanner {
        text,
        at: 0,
        depth: max_depth,
    };
    scanner.document().err()
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// How much deeper it may go.
    depth: usize,
}

type Scan = Result<(), String>;

impl Scanner<'_> {
    fn document(&mut self) -> Scan {
        self.value()?;
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => self.refuse("after top-level value"),
        }
    }

    fn value(&mut self) -> Scan {
        self.space();
        match self.peek() {
            None => self.ended(),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.refuse("looking for beginning of value"),
        }
    }

    fn nested(&mut self, scan: fn(&mut Self) -> Scan) -> Scan {
        let Some(left) = self.depth.checked_sub(1) else {
            return Err("exceeded max depth".to_owned());
        };
        self.depth = left;
        self.at += 1;
        scan(self)?;
        self.depth += 1;
        Ok(())
    }

    fn object(&mut self) -> Scan {
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            match self.peek() {
                None => return self.ended(),
                Some(b'"') => self.string()?,
                Some(_) => return self.refuse("looking for beginning of object key string"),
            }
            self.space();
            match self.peek() {
                None => return self.ended(),
                Some(b':') => self.at += 1,
                Some(_) => return self.refuse("after object key"),
            }
            self.value()?;
            self.space();
            match self.peek() {
                None => return self.ended(),
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return self.refuse("after object key:value pair"),
            }
        }
    }

    fn array(&mut self) -> Scan {
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value()?;
            self.space();
            match self.peek() {
                None => return self.ended(),
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return self.refuse("after array element"),
            }
        }
    }

    fn string(&mut self) -> Scan {
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.ended(),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..0x20) => return self.refuse("in string literal"),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Scan {
        match self.peek() {
            None => return self.ended(),
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    match self.peek() {
                        None => return self.ended(),
                        Some(digit) if digit.is_ascii_hexdigit() => {}
                        Some(_) => return self.refuse("in \\u hexadecimal character escape"),
                    }
                }
            }
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {}
            Some(_) => return self.refuse("in string escape code"),
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, literal: &str) -> Scan {
        for expected in literal.bytes().skip(1) {
            self.at += 1;
            match self.peek() {
                None => return self.ended(),
                Some(byte) if byte == expected => {}
                Some(_) => {
                    let expected = quoted(expected);
                    return self.refuse(&format!("in literal {literal} (expecting {expected})"));
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    fn number(&mut self) -> Scan {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    /// At least one.
    fn digits(&mut self, place: &str) -> Scan {
        match self.peek() {
            None => return self.ended(),
            Some(b'0'..=b'9') => {}
            Some(_) => return self.refuse(place),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[expect(clippy::unused_self, reason = "reads as its sibling")]
    fn ended(&self) -> Scan {
        Err("unexpected end of JSON input".to_owned())
    }

    fn refuse(&self, place: &str) -> Scan {
        let byte = quoted(self.peek().unwrap_or_default());
        Err(format!("invalid character {byte} {place}"))
    }
}

/// As Go quotes a byte, which it takes for a character of Latin-1.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        0..0x20 | 0x7f => format!(r"'\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!(r"'\u00{byte:02x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_gos_words() {
        for (text, said) in [
            ("", "unexpected end of JSON input"),
            ("{\"a\": ", "unexpected end of JSON input"),
            (
                "nope",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            (
                "{a}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\": 1 \"b\"}",
                "invalid character '\"' after object key:value pair",
            ),
            (
                "{\"a\": }",
                "invalid character '}' looking for beginning of value",
            ),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            (
                "1ex",
                "invalid character 'x' in exponent of numeric literal",
            ),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            (
                "\"\\u00g0\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (
                "'a'",
                "invalid character '\\'' looking for beginning of value",
            ),
            ("[[[[[]]]]]", "exceeded max depth"),
        ] {
            assert_eq!(
                complaint(text.as_bytes(), 4).as_deref(),
                Some(said),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_is_wrong_with_json() {
        let text = br#" {"a": [1, -0.5e+3, true, null, "\u00e9\n"], "b": {}} "#;
        assert_eq!(complaint(text, 128), None);
    }
}
