/// Where objects of a kind come among those of a work: what others need comes
/// first, what others may be checked by comes late, and custom resources last.
pub(super) fn rank(group: &str, kind: &str) -> u8 {
    match (group, kind) {
        ("", "Namespace" | "PersistentVolume")
        | ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("policy", "PodSecurityPolicy")
        | ("scheduling.k8s.io", "PriorityClass")
        | ("storage.k8s.io", "StorageClass") => 0,
        (
            "rbac.authorization.k8s.io",
            "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding",
        ) => 1,
        ("", "LimitRange" | "ResourceQuota" | "ServiceAccount")
        | ("networking.k8s.io", "NetworkPolicy")
        | ("policy", "PodDisruptionBudget") => 2,
        ("", "ConfigMap" | "PersistentVolumeClaim" | "Secret") => 3,
        ("", "Service") => 4,
        ("", "Pod" | "ReplicationController")
        | ("apps", "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet")
        | ("autoscaling", "HorizontalPodAutoscaler")
        | ("batch", "CronJob" | "Job") => 5,
        ("apiregistration.k8s.io", "APIService")
        | (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration"
            | "ValidatingAdmissionPolicy"
            | "ValidatingAdmissionPolicyBinding"
            | "ValidatingWebhookConfiguration",
        ) => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section "order by kind": what is listed later is applied later.
    #[test]
    fn kinds_are_applied_in_the_order_in_which_they_need_each_other() {
        let order = [
            ("", "Namespace"),
            ("rbac.authorization.k8s.io", "RoleBinding"),
            ("", "ServiceAccount"),
            ("", "ConfigMap"),
            ("", "Service"),
            ("apps", "Deployment"),
            ("apiregistration.k8s.io", "APIService"),
            ("example.com", "Widget"),
        ];
        let ranks: Vec<u8> = order
            .iter()
            .map(|(group, kind)| rank(group, kind))
            .collect();
        assert_eq!(ranks, [0, 1, 2, 3, 4, 5, 6, 7]);
        // A kind of another group that has the name only is a custom resource.
        assert_eq!(rank("serving.example.com", "Service"), 7);
    }
}
