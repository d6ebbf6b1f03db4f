//! A request's query, and the options that are read from it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The parameters of a query, decoded, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Takes a query apart. What is not UTF-8 becomes replacement characters,
    /// and no parameter is ever refused here.
    pub(crate) fn parse(query: &'a str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(of, _)| of == name);
        named.next().map(|(_, value)| &**value)
    }

    /// All values of that name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(of, _)| of == name);
        named.map(|(_, value)| &**value)
    }

    /// A switch: on if it is there and neither `0` nor `false`.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.get(name)
            .map(|value| !matches!(value.to_ascii_lowercase().as_str(), "0" | "false"))
    }

    /// Whether a watch is asked for.
    pub(crate) fn watches(&self) -> bool {
        self.switch("watch").unwrap_or_default()
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}
