use super::CelError;

/// A piece of an expression's text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Bytes(Vec<u8>),
    Double(f64),
    Int(u64),
    Name(String),
    Sign(&'static str),
    Text(String),
    Uint(u64),
}

/// A token, and at which byte it begins.
pub(super) type Placed = (usize, Token);

/// Longer ones first.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "(", ")", "[", "]", "{", "}", "<", ">", "!",
    "+", "-", "*", "/", "%", "?", ":", ",",
];

/// The text's tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, CelError> {
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
    };
    while lexer.skip_space() {
        let start = lexer.at;
        let token = lexer.token()?;
        lexer.tokens.push((start, token));
    }
    Ok(lexer.tokens)
}

/// A syntax error at a byte of the text.
pub(super) fn wrong(text: &str, at: usize, what: impl Into<String>) -> CelError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    CelError::Syntax {
        line: 1 + before.matches('\n').count(),
        column: 1 + line.chars().count(),
        what: what.into(),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Placed>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, what: &str) -> CelError {
        wrong(self.text, self.at, format!("Syntax error: {what}"))
    }

    /// Goes behind space and comments; false at the end.
    fn skip_space(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return !trimmed.is_empty();
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn token(&mut self) -> Result<Token, CelError> {
        let rest = self.rest();
        if let Some(token) = self.quoted()? {
            return Ok(token);
        }
        let mut characters = rest.chars();
        let first = characters.next();
        let second = characters.next();
        let digit = |of: Option<char>| of.is_some_and(|of| of.is_ascii_digit());
        if digit(first) || (first == Some('.') && digit(second) && !self.behind_value()) {
            return self.number();
        }
        let letter = |of: char| of.is_ascii_alphabetic() || of == '_';
        if first.is_some_and(letter) {
            let end = rest.find(|of: char| !letter(of) && !of.is_ascii_digit());
            let name = &rest[..end.unwrap_or(rest.len())];
            self.at += name.len();
            return Ok(Token::Name(name.to_owned()));
        }
        for sign in SIGNS.into_iter().chain(["."]) {
            if rest.starts_with(sign) {
                self.at += sign.len();
                return Ok(Token::Sign(sign));
            }
        }
        Err(self.wrong("token recognition error"))
    }

    /// Whether a point here selects a field.
    fn behind_value(&self) -> bool {
        match self.tokens.last() {
            Some((_, Token::Sign(sign))) => matches!(*sign, ")" | "]" | "}"),
            Some(_) => true,
            None => false,
        }
    }

    fn number(&mut self) -> Result<Token, CelError> {
        let rest = self.rest();
        if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let end = hex.find(|of: char| !of.is_ascii_hexdigit());
            let digits = &hex[..end.unwrap_or(hex.len())];
            self.at += 2 + digits.len();
            return self.integer(u64::from_str_radix(digits, 16).ok());
        }
        let digits = |text: &str| {
            text.find(|of: char| !of.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let whole = digits(rest);
        let mut end = whole;
        if let Some(fraction) = rest[end..].strip_prefix('.') {
            // A point with no digit behind selects a field.
            let length = digits(fraction);
            end += if length == 0 { 0 } else { 1 + length };
        }
        if rest[end..].starts_with(['e', 'E']) {
            let exponent = &rest[end + 1..];
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let length = digits(&exponent[sign..]);
            end += if length == 0 { 0 } else { 1 + sign + length };
        }
        let number = &rest[..end];
        self.at += end;
        if end == whole {
            return self.integer(number.parse().ok());
        }
        let double = number.parse().map_err(|_| self.wrong("no number"))?;
        Ok(Token::Double(double))
    }

    fn integer(&mut self, number: Option<u64>) -> Result<Token, CelError> {
        let number = number.ok_or_else(|| self.wrong("invalid int literal"))?;
        if self.rest().starts_with(['u', 'U']) {
            self.at += 1;
            return Ok(Token::Uint(number));
        }
        Ok(Token::Int(number))
    }

    /// A string or bytes, if there is one here.
    fn quoted(&mut self) -> Result<Option<Token>, CelError> {
        let rest = self.rest();
        let opens = rest.trim_start_matches(['b', 'B', 'r', 'R']);
        let prefix = rest[..rest.len() - opens.len()].to_ascii_lowercase();
        let known = matches!(prefix.as_str(), "" | "b" | "r" | "br" | "rb");
        if !known || !opens.starts_with(['"', '\'']) {
            return Ok(None);
        }
        let quote = &opens[..1];
        let triple = quote.repeat(3);
        let mark = if opens.starts_with(&triple) {
            &triple
        } else {
            quote
        };
        let inside = &opens[mark.len()..];
        let raw = prefix.contains('r');
        let Some(length) = closing(inside, mark, raw) else {
            return Err(self.wrong("a string does not end"));
        };
        let is_bytes = prefix.contains('b');
        let unescaped = unescape(&inside[..length], raw, is_bytes);
        let bytes = unescaped.ok_or_else(|| self.wrong("invalid escape sequence"))?;
        self.at += prefix.len() + 2 * mark.len() + length;
        if is_bytes {
            return Ok(Some(Token::Bytes(bytes)));
        }
        let text = String::from_utf8(bytes).map_err(|_| self.wrong("no text"))?;
        Ok(Some(Token::Text(text)))
    }
}

/// How long a string is whose inside begins here.
fn closing(inside: &str, mark: &str, raw: bool) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' && !raw {
            escaped = true;
        } else if inside[at..].starts_with(mark) {
            return Some(at);
        } else if character == '\n' && mark.len() == 1 {
            return None;
        }
    }
    None
}

fn unescape(inside: &str, raw: bool, is_bytes: bool) -> Option<Vec<u8>> {
    if raw {
        return Some(inside.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let kind = rest.chars().next()?;
        let (radix, skip, length) = match kind {
            'x' | 'X' => (16, 1, 2),
            'u' if !is_bytes => (16, 1, 4),
            'U' if !is_bytes => (16, 1, 8),
            '0'..='3' => (8, 0, 3),
            _ => {
                bytes.push(simple(kind)?);
                rest = &rest[1..];
                continue;
            }
        };
        let digits = rest.get(skip..skip + length)?;
        let code = u32::from_str_radix(digits, radix).ok()?;
        if is_bytes {
            bytes.push(u8::try_from(code).ok()?);
        } else {
            let mut buffer = [0; 4];
            let character = char::from_u32(code)?;
            bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
        rest = &rest[skip + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

fn simple(kind: char) -> Option<u8> {
    Some(match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '?' | '"' | '\'' | '`' => u8::try_from(kind).ok()?,
        _ => return None,
    })
}
