use std::str::FromStr;

use crate::service::{ServiceName, ServicePort, is_label};

/// A pattern of Services' ports: `namespace/name:port`, with `*` for whole parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Exposed {
    namespace: Part,
    name: Part,
    port: Part,
}

/// Why a text is no pattern of Services.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExposeError {
    /// A part is missing, or there are too many.
    #[error(
        "{0:?} is no pattern of Services: it is NAMESPACE/NAME:PORT, with * for any \
         (monitoring/*:9090, shop/web:http)"
    )]
    Form(String),
    /// A part can be none.
    #[error(
        "{part:?} is no {what} of a Service and not *: lower-case letters, digits and '-', \
         63 at most"
    )]
    Part {
        /// Which part.
        what: &'static str,
        /// As it is written.
        part: String,
    },
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Any,
    Exactly(String),
}

impl Exposed {
    /// Whether the pattern is about a Service, whatever its ports are.
    pub(super) fn names(&self, service: &ServiceName) -> bool {
        self.namespace.matches(service.namespace()) && self.name.matches(service.name())
    }

    /// Whether the pattern has a port, by its name or its number.
    pub(super) fn has(&self, port: &ServicePort) -> bool {
        self.port.matches(&port.name) || self.port.matches(&port.number.to_string())
    }
}

impl Part {
    fn parse(what: &'static str, text: &str) -> Result<Self, ExposeError> {
        if text == "*" {
            Ok(Self::Any)
        } else if is_label(text) {
            Ok(Self::Exactly(text.to_owned()))
        } else {
            let part = text.to_owned();
            Err(ExposeError::Part { what, part })
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(part) => part == text,
        }
    }
}

impl FromStr for Exposed {
    type Err = ExposeError;

    fn from_str(text: &str) -> Result<Self, ExposeError> {
        let form = || ExposeError::Form(text.to_owned());
        let (namespace, rest) = text.split_once('/').ok_or_else(form)?;
        let (name, port) = rest.split_once(':').ok_or_else(form)?;
        let port = Part::parse("port", port)?;
        if let Part::Exactly(digits) = &port
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            // Written as a Service's own number would be, so that it can match.
            let number = digits.parse::<u16>().ok().filter(|number| *number != 0);
            if number.is_none_or(|number| number.to_string() != *digits) {
                let part = digits.clone();
                return Err(ExposeError::Part { what: "port", part });
            }
        }
        Ok(Self {
            namespace: Part::parse("namespace", namespace)?,
            name: Part::parse("name", name)?,
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposes(pattern: &str, (namespace, name): (&str, &str), port: (&str, u16)) -> bool {
        let pattern: Exposed = pattern.parse().unwrap();
        let service = ServiceName::new(namespace, name).unwrap();
        let port = ServicePort {
            name: port.0.to_owned(),
            number: port.1,
        };
        pattern.names(&service) && pattern.has(&port)
    }

    #[test]
    fn a_pattern_exposes_what_all_of_its_parts_match() {
        let web = ("shop", "web");
        for pattern in [
            "shop/web:http",
            "shop/web:80",
            "*/web:80",
            "shop/*:http",
            "*/*:*",
        ] {
            assert!(exposes(pattern, web, ("http", 80)), "{pattern}");
        }
        for pattern in [
            "shop/web:https",
            "shop/web:8080",
            "shop/we:80",
            "sho/web:80",
            "*/webs:*",
        ] {
            assert!(!exposes(pattern, web, ("http", 80)), "{pattern}");
        }
        assert!(!exposes("shop/web:http", web, ("", 80)));
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_its_part() {
        for text in ["web:80", "shop/web", "", "shop"] {
            let error = text.parse::<Exposed>().unwrap_err();
            assert_eq!(error, ExposeError::Form(text.to_owned()));
        }
        for (text, what) in [
            ("Shop/web:80", "namespace"),
            ("/web:80", "namespace"),
            ("shop/we*:80", "name"),
            ("shop/a/b:80", "name"),
            ("shop/web:", "port"),
            ("shop/web:0", "port"),
            ("shop/web:080", "port"),
            ("shop/web:65536", "port"),
            ("shop/web:80:81", "port"),
        ] {
            match text.parse::<Exposed>().unwrap_err() {
                ExposeError::Part { what: part, .. } => assert_eq!(part, what, "{text}"),
                other @ ExposeError::Form(_) => panic!("{text}: {other}"),
            }
        }
    }
}
