/// Why the hub's part of registration could not do something. All are tried
/// again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The hub's API did not do it.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// What came of it.
        source: Box<kube::Error>,
    },
    /// There is no such cluster.
    #[error("there is no managed cluster {0}; `adit clusters` lists them")]
    NoCluster(String),
    /// Something is being deleted, and in the way until it is gone.
    #[error("{0} is being deleted, and is made again when it is gone")]
    Terminating(String),
    /// A cluster's namespace would be one of the hub's.
    #[error("namespace {0} is the hub's own: no cluster may have its name")]
    TheHubs(String),
    /// Several things failed.
    #[error("{0}")]
    Several(String),
}

impl HubError {
    /// Whether somebody else changed the object meanwhile: one looks again.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { source, .. } if code(source) == Some(409))
    }
}

/// Says what was tried, where a request failed.
pub(crate) trait Trying<T> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, HubError>;
}

impl<T> Trying<T> for Result<T, kube::Error> {
    fn trying(self, what: impl FnOnce() -> String) -> Result<T, HubError> {
        self.map_err(|source| HubError::Api {
            what: what(),
            source: Box::new(source),
        })
    }
}

/// The status that the API answered with.
pub(crate) fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error {
        Some(status.code)
    } else {
        None
    }
}

/// What came of a request for something that need not be there.
pub(crate) fn if_there<T>(result: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if code(&error) == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
