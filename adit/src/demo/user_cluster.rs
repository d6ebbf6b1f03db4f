//! A cluster that the user brings along.

use std::path::PathBuf;
use std::str::FromStr;

use proto::{ClusterName, NameError};

/// `NAME=KUBECONFIG[#CONTEXT]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UserCluster {
    pub(crate) name: ClusterName,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) context: Option<String>,
}

/// Why a text names no cluster.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UserClusterError {
    #[error("it is not of the form NAME=KUBECONFIG or NAME=KUBECONFIG#CONTEXT")]
    Form,
    #[error("the cluster's name: {0}")]
    Name(#[from] NameError),
}

impl FromStr for UserCluster {
    type Err = UserClusterError;

    fn from_str(text: &str) -> Result<Self, UserClusterError> {
        let (name, rest) = text.split_once('=').ok_or(UserClusterError::Form)?;
        let (kubeconfig, context) = match rest.split_once('#') {
            Some((_, "")) => return Err(UserClusterError::Form),
            Some((kubeconfig, context)) => (kubeconfig, Some(context.to_owned())),
            None => (rest, None),
        };
        if kubeconfig.is_empty() {
            return Err(UserClusterError::Form);
        }
        Ok(Self {
            name: name.parse()?,
            kubeconfig: kubeconfig.into(),
            context,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_optional_and_may_hold_anything() {
        let cluster: UserCluster = "kind=/home/me/.kube/config#kind=a#b".parse().unwrap();
        assert_eq!(cluster.name.as_str(), "kind");
        assert_eq!(cluster.kubeconfig, PathBuf::from("/home/me/.kube/config"));
        assert_eq!(cluster.context.as_deref(), Some("kind=a#b"));
        let cluster: UserCluster = "kind=config".parse().unwrap();
        assert_eq!(cluster.context, None);
    }

    #[test]
    fn what_names_no_cluster_is_refused() {
        for text in ["", "kind", "kind=", "kind=#context", "kind=config#"] {
            assert_eq!(
                text.parse::<UserCluster>(),
                Err(UserClusterError::Form),
                "{text}"
            );
        }
        assert!(matches!(
            "Kind=config".parse::<UserCluster>(),
            Err(UserClusterError::Name(_))
        ));
    }
}
