//! What the hub's user has to be allowed in the cluster, asked before anything
//! is done there.

use std::fmt;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};

/// Why the hub cannot do its work there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NeedsError {
    #[error("Kubernetes does not say what the hub's user may do")]
    Ask(#[source] kube::Error),
    #[error(
        "the hub's user in Kubernetes may not {}; deploy/hub-kubernetes.yaml has the roles that \
         a hub needs",
        list(.0)
    )]
    Missing(Vec<Need>),
}

/// One permission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Need {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    /// Where it is needed, if not everywhere.
    within: Within,
    name: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Within {
    Cluster,
    KubeSystem,
    /// The namespace of the hub's Service.
    Own,
}

const fn cluster(verb: &'static str, group: &'static str, resource: &'static str) -> Need {
    Need {
        verb,
        group,
        resource,
        within: Within::Cluster,
        name: "",
    }
}

const EXTENSION: Need = Need {
    name: "extension-apiserver-authentication",
    within: Within::KubeSystem,
    ..cluster("get", "", "configmaps")
};
const LEASES: Need = Need {
    within: Within::Own,
    ..cluster("create", "coordination.k8s.io", "leases")
};
const MANAGED: &str = "cluster.open-cluster-management.io";

/// What a hub cannot do without at all; what one controller alone needs is told
/// by that when it fails.
const NEEDS: [Need; 12] = [
    EXTENSION,
    cluster("create", "authentication.k8s.io", "tokenreviews"),
    cluster("create", "authorization.k8s.io", "subjectaccessreviews"),
    cluster("patch", "apiextensions.k8s.io", "customresourcedefinitions"),
    cluster("patch", "apiregistration.k8s.io", "apiservices"),
    cluster("watch", "apiregistration.k8s.io", "apiservices"),
    LEASES,
    cluster("list", MANAGED, "managedclusters"),
    cluster("watch", MANAGED, "managedclusters"),
    cluster("create", MANAGED, "managedclusters"),
    cluster("list", "certificates.k8s.io", "certificatesigningrequests"),
    cluster("list", "work.open-cluster-management.io", "manifestworks"),
];

/// Questions that are asked at once.
const AT_ONCE: usize = 6;

/// Asks for everything; `namespace` is the hub's own.
pub(super) async fn check(client: &Client, namespace: &str) -> Result<(), NeedsError> {
    let answers = stream::iter(NEEDS)
        .map(|need| async move {
            let allowed = is_allowed(client, need, namespace).await?;
            Ok((!allowed).then_some(need))
        })
        .buffered(AT_ONCE);
    let answers: Vec<Option<Need>> = answers.try_collect().await.map_err(NeedsError::Ask)?;
    let missing: Vec<Need> = answers.into_iter().flatten().collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(NeedsError::Missing(missing))
    }
}

async fn is_allowed(client: &Client, need: Need, own: &str) -> Result<bool, kube::Error> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let namespace = match need.within {
        Within::Cluster => "",
        Within::KubeSystem => "kube-system",
        Within::Own => own,
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: some(need.group),
                name: some(need.name),
                namespace: some(namespace),
                resource: some(need.resource),
                verb: some(need.verb),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review = Box::pin(reviews.create(&PostParams::default(), &review)).await?;
    Ok(review.status.is_some_and(|status| status.allowed))
}

fn list(needs: &[Need]) -> String {
    let needs: Vec<String> = needs.iter().map(ToString::to_string).collect();
    needs.join(", nor ")
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match self.within {
            Within::Cluster => Ok(()),
            Within::KubeSystem => write!(f, " {} in kube-system", self.name),
            Within::Own => f.write_str(" in the namespace of its Service"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_as_a_role_names_it() {
        let missing = NeedsError::Missing(vec![EXTENSION, LEASES]).to_string();
        assert!(
            missing.contains("get configmaps extension-apiserver-authentication in kube-system"),
            "{missing}"
        );
        assert!(
            missing.contains("nor create leases.coordination.k8s.io in the"),
            "{missing}"
        );
    }
}
