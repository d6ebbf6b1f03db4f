use crate::Target;

/// The kinds of targets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TargetKind {
    /// The hub's own API.
    HubApi,
    /// The managed cluster's API server.
    KubeApiserver,
    /// A Service of the managed cluster.
    Service,
    /// A TCP connection from the agent's network.
    Tcp,
}

impl TargetKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::HubApi, Self::KubeApiserver, Self::Service, Self::Tcp];

    /// As metrics label it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HubApi => "hub-api",
            Self::KubeApiserver => "kube-apiserver",
            Self::Service => "service",
            Self::Tcp => "tcp",
        }
    }
}

impl From<&Target> for TargetKind {
    fn from(target: &Target) -> Self {
        match target {
            Target::HubApi => Self::HubApi,
            Target::KubeApiserver => Self::KubeApiserver,
            Target::Service { .. } => Self::Service,
            Target::Tcp { .. } => Self::Tcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (index, kind) in TargetKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
