use crate::Status;

/// A field selector: terms that all have to hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FieldSelector(Vec<Term>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Term {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Reads `a=b,c!=d`, in which `\` stands before a comma, an equals sign
    /// or itself in a value.
    ///
    /// # Errors
    /// If a term has no operator or a value a wrong escape.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let mut terms = Vec::new();
        for part in split_terms(text)
            .into_iter()
            .filter(|part| !part.is_empty())
        {
            let Some((field, equal, value)) = split_term(part) else {
                return Err(Status::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{part}'"
                )));
            };
            // Nothing that is nothing is true.
            if field.is_empty() && value.is_empty() && equal {
                continue;
            }
            terms.push(Term {
                field: field.to_owned(),
                value: unescape(value)?,
                equal,
            });
        }
        Ok(Self(terms))
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|term| &*term.field)
    }

    /// The one value of that field that it lets through, if it says so.
    #[must_use]
    pub fn exact(&self, field: &str) -> Option<&str> {
        let term = self.0.iter().find(|term| term.equal && term.field == field);
        term.map(|term| &*term.value)
    }

    /// The same for the one object that the path of a request names.
    ///
    /// # Errors
    /// If it selects by something else.
    pub(crate) fn of_object(self, name: &str) -> Result<Self, Status> {
        const NAME: &str = "metadata.name";
        if !self.is_empty() && self.exact(NAME) != Some(name) {
            let why = "fieldSelector metadata.name doesn't match requested name";
            return Err(Status::bad_request(why));
        }
        if !self.is_empty() {
            return Ok(self);
        }
        Ok(Self(vec![Term {
            field: NAME.to_owned(),
            value: name.to_owned(),
            equal: true,
        }]))
    }

    /// Whether an object is selected whose fields `value` tells; a field that
    /// is absent is empty.
    pub fn matches<'v>(&self, mut value: impl FnMut(&str) -> std::borrow::Cow<'v, str>) -> bool {
        self.0
            .iter()
            .all(|term| (value(&term.field) == term.value) == term.equal)
    }
}

/// Splits at the commas that no backslash stands before.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Field, whether it has to be equal, and the value still escaped.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find(['=', '!'])?;
    let (field, rest) = term.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        Some((field, false, value))
    } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        Some((field, true, value))
    } else {
        // An exclamation mark alone belongs to the field.
        let (_, behind) = rest.split_at(1);
        let (more, equal, value) = split_term(behind)?;
        Some((&term[..at + 1 + more.len()], equal, value))
    }
}

fn unescape(value: &str) -> Result<String, Status> {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                other => {
                    let sequence: String = ['\\'].into_iter().chain(other).collect();
                    return Err(Status::bad_request(format!(
                        "invalid field selector: invalid escape sequence: {sequence}"
                    )));
                }
            },
            ',' | '=' => {
                return Err(Status::bad_request(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(c)
                )));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, fields: &[(&str, &str)]) -> bool {
        FieldSelector::parse(selector).unwrap().matches(|name| {
            let found = fields.iter().find(|(field, _)| *field == name);
            found.map_or("", |(_, value)| value).to_owned().into()
        })
    }

    #[test]
    fn terms_have_to_hold_together() {
        let fields = [("metadata.name", "a"), ("status.phase", "Active")];
        for (selector, expected) in [
            ("", true),
            ("metadata.name=a", true),
            ("metadata.name==a,status.phase=Active", true),
            ("metadata.name!=a", false),
            ("metadata.name!=b,", true),
            ("spec.x=", true),
        ] {
            assert_eq!(matches(selector, &fields), expected, "{selector}");
        }
        assert!(matches(r"x=a\,b\=c\\d", &[("x", r"a,b=c\d")]));
    }

    #[test]
    fn bad_terms_are_told_in_the_real_servers_words() {
        for (selector, message) in [
            ("a", "invalid selector: 'a'; can't understand 'a'"),
            (
                r"a=\x",
                r"invalid field selector: invalid escape sequence: \x",
            ),
            (
                "a=b=c",
                "invalid field selector: unescaped character in value: 61",
            ),
        ] {
            let error = FieldSelector::parse(selector).unwrap_err();
            assert_eq!(error.message(), message);
        }
    }
}
