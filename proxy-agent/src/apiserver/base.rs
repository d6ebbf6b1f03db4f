use std::fmt;

use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

/// Where an API server is: `https://host:port`, perhaps with a path that goes
/// before every request's.
#[derive(Clone, Debug)]
pub(super) struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end; empty if there is none.
    prefix: String,
}

/// Why a URL is no API server's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BaseUrlError {
    /// It is neither `https` nor `http`, or names no host.
    #[error("{0} is no URL of an API server: https://HOST:PORT is needed")]
    Form(Uri),
    /// It carries a password, which does not belong there.
    #[error("the API server's URL holds a user name or password; use the kubeconfig's users")]
    UserInfo,
}

/// Why a request's target cannot be asked of the API server.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetFormError {
    /// Together with the prefix it is none any more.
    #[error("the request's target cannot be put behind the API server's path: {0}")]
    Joined(#[from] InvalidUri),
    /// It is `*`, `host:port` or a whole URL.
    #[error(
        "the request's target {0:?} is no path: a request names a path, and the \
             agent knows the server"
    )]
    NoPath(String),
}

impl BaseUrl {
    pub(super) fn new(url: &Uri) -> Result<Self, BaseUrlError> {
        let form = || BaseUrlError::Form(url.clone());
        let scheme = url.scheme().cloned().ok_or_else(form)?;
        let authority = url.authority().cloned().ok_or_else(form)?;
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(form());
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self {
            scheme,
            authority,
            prefix,
        })
    }

    /// Where to find what `target` names: the server, and behind it what
    /// [`Self::join`] makes of the path.
    pub(super) fn locate(&self, target: &Uri) -> Result<Uri, TargetFormError> {
        let mut parts = self.server().into_parts();
        parts.path_and_query = self.join(target)?.into_parts().path_and_query;
        Ok(Uri::from_parts(parts).expect("a scheme, a server and a path are a URL"))
    }

    /// The server alone.
    pub(super) fn server(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).expect("a scheme, a server and a path are a URL")
    }

    /// The server's name in `Host`.
    pub(super) fn host(&self) -> HeaderValue {
        HeaderValue::from_str(self.authority.as_str()).expect("a server's name is printable ASCII")
    }

    /// What to ask the server for: `target`, taken to the byte, behind the
    /// server's own path.
    pub(super) fn join(&self, target: &Uri) -> Result<Uri, TargetFormError> {
        let no_path = || TargetFormError::NoPath(target.to_string());
        if target.scheme().is_some() || target.authority().is_some() {
            return Err(no_path());
        }
        let path = target.path_and_query().ok_or_else(no_path)?;
        if !path.as_str().starts_with('/') {
            return Err(no_path());
        }
        if self.prefix.is_empty() {
            return Ok(path.clone().into());
        }
        Ok(PathAndQuery::try_from(format!("{}{path}", self.prefix))?.into())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme,
            authority,
            prefix,
        } = self;
        write!(f, "{scheme}://{authority}{prefix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(base: &str, target: &str) -> String {
        let base = BaseUrl::new(&base.parse().unwrap()).unwrap();
        base.join(&target.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn paths_and_queries_are_taken_to_the_byte() {
        for target in [
            "/",
            "/a?",
            "//a//b/../c/./d",
            "/a%2Fb%2e%2E/%zz?x=%20+&dryRun=All&path=/a?b",
            "/a;b='c'|{d}",
        ] {
            assert_eq!(join("https://10.0.0.1:6443", target), target);
            assert_eq!(
                join("https://rancher/k8s/clusters/c-1/", target),
                format!("/k8s/clusters/c-1{target}")
            );
        }
    }

    #[test]
    fn a_target_that_names_a_server_is_refused() {
        let base = BaseUrl::new(&"https://10.0.0.1".parse().unwrap()).unwrap();
        for target in ["http://10.0.0.2/api", "10.0.0.2:443", "*"] {
            assert!(base.join(&target.parse().unwrap()).is_err(), "{target}");
        }
    }

    #[test]
    fn what_is_no_servers_url_is_refused() {
        for url in [
            "/api",
            "10.0.0.1:6443",
            "ftp://10.0.0.1",
            "https://a:b@10.0.0.1",
        ] {
            assert!(BaseUrl::new(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
