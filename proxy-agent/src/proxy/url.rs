use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::HubAddress;
use crate::proxy::{Proxy, ProxyCredentials, ProxyKind};

/// Why a text is no proxy's URL. It repeats nothing that may be a password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// The host or the port is missing or makes no sense.
    #[error(
        "after scheme, user and password there is no HOST:PORT (an IPv6 address stands in brackets)"
    )]
    Address,
    /// The user and password cannot be used.
    #[error(
        "its user and password are not USER:PASSWORD@ before the host, at most 255 bytes each; \
         a character with a meaning in URLs (such as @ / : % #) is written as %40 and the like"
    )]
    Credentials,
    /// There is something after the host and port.
    #[error("a proxy's URL ends after the port: it has no path")]
    Path,
    /// The scheme is none that an agent knows.
    #[error(
        "a proxy of scheme {0:?} is not supported: use http://, https://, socks5:// or socks5h://"
    )]
    Scheme(String),
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5h, 1080),
            _ => return Err(unknown_scheme(scheme)),
        };
        // An @ first: what stands before the last one may be a password.
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains(['/', '?', '#']) {
            return Err(ProxyUrlError::Path);
        }
        Ok(Self {
            kind,
            address: address(host, default_port)?,
            credentials: user.map(credentials).transpose()?,
            tls: None,
        })
    }
}

/// What is no scheme at all may be anything, a password included.
fn unknown_scheme(scheme: &str) -> ProxyUrlError {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if scheme.len() <= 16 && scheme.chars().all(plain) {
        ProxyUrlError::Scheme(scheme.to_owned())
    } else {
        ProxyUrlError::Scheme("?".to_owned())
    }
}

fn address(host: &str, default_port: u16) -> Result<HubAddress, ProxyUrlError> {
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'));
    let full = if has_port {
        host.to_owned()
    } else {
        format!("{host}:{default_port}")
    };
    full.parse().map_err(|_| ProxyUrlError::Address)
}

fn credentials(text: &str) -> Result<ProxyCredentials, ProxyUrlError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |part| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded.map_err(|_| ProxyUrlError::Credentials)
    };
    let (user, password) = (decoded(user)?, decoded(password)?);
    ProxyCredentials::new(user.into_owned(), password.into_owned())
        .map_err(|_| ProxyUrlError::Credentials)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_url_says_what_a_proxy_speaks_and_where_it_is() {
        for (url, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://proxy:3128/", "http://proxy:3128"),
            ("proxy.example.org:3128", "http://proxy.example.org:3128"),
            ("HTTP://proxy", "http://proxy:80"),
            ("https://proxy", "https://proxy:443"),
            ("socks5://192.0.2.1", "socks5://192.0.2.1:1080"),
            ("socks5h://[2001:db8::1]", "socks5h://[2001:db8::1]:1080"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ] {
            let proxy: Proxy = url.parse().unwrap();
            assert_eq!(proxy.to_string(), shown);
            assert!(!proxy.has_credentials());
        }
    }

    #[test]
    fn a_url_may_hold_a_user_and_a_password() {
        for (url, user, password) in [
            ("http://anna:hush@proxy:1", "anna", "hush"),
            ("anna:hush@proxy:1", "anna", "hush"),
            ("http://a%40b:p%3Aw%2f@proxy:1", "a@b", "p:w/"),
            ("http://anna:p@ss/word@proxy:1", "anna", "p@ss/word"),
            ("socks5://anna@proxy", "anna", ""),
        ] {
            let proxy: Proxy = url.parse().unwrap();
            let credentials = proxy.credentials.unwrap();
            assert_eq!(credentials.user, user, "{url}");
            assert_eq!(credentials.password.expose_secret(), password, "{url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_a_word_of_a_password() {
        for url in [
            "ftp://anna:hush@proxy:443",
            "socks4://anna:hush@proxy",
            "anna:hush://proxy",
            "http://anna:hush",
            "http://anna:hush@",
            "http://anna:hush@proxy:0",
            "http://anna:hush@proxy:1/path",
            "http://:hush@proxy:1",
            "http://anna:hush%ff@proxy:1",
            "http://anna:hush%0d%0aHost:%20x@proxy:1",
            "http://pro xy:1",
            "",
        ] {
            let error = url.parse::<Proxy>().unwrap_err();
            assert!(!error.to_string().contains("hush"), "{url}: {error}");
            assert!(!format!("{error:?}").contains("hush"), "{url}: {error:?}");
        }
    }
}
