use std::fmt;

/// A Service of the agent's cluster. Its parts are DNS labels, so that they
/// can stand in a path of the API server.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ServiceName {
    namespace: String,
    name: String,
}

/// RFC 1123 section 2.1, as Kubernetes has it.
const MAX_LABEL_LEN: usize = 63;

impl ServiceName {
    pub(crate) fn new(namespace: &str, name: &str) -> Option<Self> {
        (is_label(namespace) && is_label(name)).then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its name in the cluster's DNS, without the cluster's own domain.
    pub(crate) fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whether a text is a DNS label, as names of Services, namespaces and ports are.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_LABEL_LEN).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
