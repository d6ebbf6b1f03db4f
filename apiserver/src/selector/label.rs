#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a grammar names the tokens it takes; all others are wrong"
)]

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::CharIndices;

use api::names;

/// A label selector: requirements that all have to hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Test {
    Absent,
    GreaterThan(i64),
    In(BTreeSet<String>),
    LessThan(i64),
    NotIn(BTreeSet<String>),
    Present,
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h,!i,j>1`.
    ///
    /// # Errors
    /// The text of what is wrong, in the real server's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(text),
            at: 0,
        };
        let mut requirements = Vec::new();
        loop {
            match parser.peek() {
                Token::Identifier(_) | Token::Not => {}
                Token::End => break,
                other => {
                    let found = other.literal();
                    return Err(format!(
                        "found '{found}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
            let requirement = parser
                .requirement()
                .map_err(|why| format!("unable to parse requirement: {why}"))?;
            requirements.push(requirement);
            match parser.next() {
                Token::End => break,
                Token::Comma => match parser.peek() {
                    Token::Identifier(_) | Token::Not => {}
                    other => {
                        let found = other.literal();
                        return Err(format!("found '{found}', expected: identifier after ','"));
                    }
                },
                other => {
                    let found = other.literal();
                    return Err(format!("found '{found}', expected: ',' or 'end of string'"));
                }
            }
        }
        Ok(Self(requirements))
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object is selected whose labels `value` tells.
    pub fn matches<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        self.0.iter().all(|of| of.test.holds(value(&of.key)))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Absent => value.is_none(),
            Self::GreaterThan(than) => number().is_some_and(|value| value > *than),
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::LessThan(than) => number().is_some_and(|value| value < *than),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Present => value.is_some(),
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token<'t> {
    Close,
    Comma,
    End,
    Equal(&'t str),
    Greater,
    Identifier(&'t str),
    Less,
    Not,
    NotEqual,
    Open,
    Wrong(&'t str),
}

impl<'t> Token<'t> {
    fn literal(&self) -> &'t str {
        match self {
            Self::Close => ")",
            Self::Comma => ",",
            Self::End => "",
            Self::Equal(text) | Self::Identifier(text) | Self::Wrong(text) => text,
            Self::Greater => ">",
            Self::Less => "<",
            Self::Not => "!",
            Self::NotEqual => "!=",
            Self::Open => "(",
        }
    }
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token<'t> {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'t> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let negated = token == Token::Not;
        if negated {
            token = self.next();
        }
        let Token::Identifier(key) = token else {
            return Err(format!("found '{}', expected: identifier", token.literal()));
        };
        let wrong = names::label_key(key);
        if !wrong.is_empty() {
            return Err(format!(
                "<nil>: Invalid value: {key:?}: {}",
                wrong.join("; ")
            ));
        }
        let bare = matches!(self.peek(), Token::End | Token::Comma);
        let test = match (negated, bare) {
            (true, _) => Test::Absent,
            (false, true) => Test::Present,
            (false, false) => self.test(key)?,
        };
        Ok(Requirement {
            key: key.to_owned(),
            test,
        })
    }

    fn test(&mut self, key: &str) -> Result<Test, String> {
        match self.next() {
            Token::Identifier("in") => Ok(Test::In(self.values(key)?)),
            Token::Identifier("notin") => Ok(Test::NotIn(self.values(key)?)),
            Token::Equal(_) => Ok(Test::In([self.value(key)?].into())),
            Token::NotEqual => Ok(Test::NotIn([self.value(key)?].into())),
            Token::Greater => Ok(Test::GreaterThan(self.number(key)?)),
            Token::Less => Ok(Test::LessThan(self.number(key)?)),
            other => Err(format!(
                "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                other.literal()
            )),
        }
    }

    fn value(&mut self, key: &str) -> Result<String, String> {
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.next() {
            Token::Identifier(value) => checked(key, 0, value),
            other => Err(format!("found '{}', expected: identifier", other.literal())),
        }
    }

    fn number(&mut self, key: &str) -> Result<i64, String> {
        let value = self.value(key)?;
        value.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    /// `(a, b)`, in which nothing between two commas is the empty value.
    fn values(&mut self, key: &str) -> Result<BTreeSet<String>, String> {
        let open = self.next();
        if open != Token::Open {
            return Err(format!("found '{}' expected: '('", open.literal()));
        }
        let mut values = BTreeSet::new();
        let mut empty = true;
        loop {
            match self.next() {
                Token::Identifier(value) => {
                    values.insert(checked(key, values.len(), value)?);
                    empty = false;
                    match self.peek() {
                        Token::Comma | Token::Close => {}
                        other => {
                            let found = other.literal();
                            return Err(format!("found '{found}', expected: ',' or ')'"));
                        }
                    }
                }
                Token::Comma => {
                    if empty {
                        values.insert(String::new());
                    }
                    empty = true;
                }
                Token::Close => {
                    if empty {
                        values.insert(String::new());
                    }
                    return Ok(values);
                }
                other => {
                    let found = other.literal();
                    return Err(format!("found '{found}', expected: ',', or identifier"));
                }
            }
        }
    }
}

fn checked(key: &str, index: usize, value: &str) -> Result<String, String> {
    let wrong = names::label_value(value);
    if wrong.is_empty() {
        return Ok(value.to_owned());
    }
    let wrong = wrong.join("; ");
    Err(format!(
        "values[{index}][{key}]: Invalid value: {value:?}: {wrong}"
    ))
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '=' | '!' | '<' | '>' => {
                let end = end_of(&mut characters, text, |c| {
                    matches!(c, '=' | '!' | '<' | '>')
                });
                tokens.push(match &text[at..end] {
                    "!" => Token::Not,
                    "!=" => Token::NotEqual,
                    "<" => Token::Less,
                    "=" => Token::Equal("="),
                    "==" => Token::Equal("=="),
                    ">" => Token::Greater,
                    other => Token::Wrong(other),
                });
            }
            _ => {
                let end = end_of(&mut characters, text, |c| {
                    !matches!(
                        c,
                        ' ' | '\t' | '\r' | '\n' | '(' | ')' | ',' | '=' | '!' | '<' | '>'
                    )
                });
                tokens.push(Token::Identifier(&text[at..end]));
            }
        }
    }
    tokens
}

/// Goes on while characters are of the token; the index behind it.
fn end_of(
    characters: &mut Peekable<CharIndices<'_>>,
    text: &str,
    of: impl Fn(char) -> bool,
) -> usize {
    while characters.next_if(|(_, c)| of(*c)).is_some() {}
    characters.peek().map_or(text.len(), |(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &'static str)]) -> bool {
        let selector = LabelSelector::parse(selector).unwrap();
        selector.matches(|key| {
            labels
                .iter()
                .find(|(of, _)| *of == key)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn every_operator_selects_what_it_says() {
        let labels = [("a", "b"), ("n", "5"), ("e", "")];
        for (selector, expected) in [
            ("", true),
            ("a=b", true),
            ("a==b,n", true),
            ("a!=b", false),
            ("x!=b", true),
            ("a in (c, b)", true),
            ("a in (c)", false),
            ("a notin (c,,d)", true),
            ("x notin (c)", true),
            ("!x", true),
            ("!a", false),
            ("n>4,n<6", true),
            ("n>5", false),
            ("a>1", false),
            ("e=", true),
            ("e in ()", true),
            ("in=x", false),
        ] {
            assert_eq!(matches(selector, &labels), expected, "{selector}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_the_real_servers_words() {
        for (selector, message) in [
            ("a=b,", "found '', expected: identifier after ','"),
            (
                ",",
                "found ',', expected: !, identifier, or 'end of string'",
            ),
            (
                "a b",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            ),
            (
                "a in b",
                "unable to parse requirement: found 'b' expected: '('",
            ),
            (
                "a in (b",
                "unable to parse requirement: found '', expected: ',' or ')'",
            ),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ] {
            assert_eq!(
                LabelSelector::parse(selector).unwrap_err(),
                message,
                "{selector}"
            );
        }
    }
}
