use serde_json::{Map, Value, json};

use crate::{Conversion, Hooks};

/// `v1beta1` calls the supported configurations by the default of each.
pub(super) const CLUSTER_MANAGEMENT: Hooks = Hooks {
    conversion: Some(Conversion {
        from_stored: |object| {
            if let Some(spec) = fields(object, "/spec") {
                spec.remove("addOnConfiguration");
                change(spec, "supportedConfigs", "defaultConfigs", default_config);
            }
            if let Some(status) = fields(object, "/status") {
                change(
                    status,
                    "defaultconfigReferences",
                    "defaultConfigReferences",
                    |_| {},
                );
            }
        },
        to_stored: |object| {
            if let Some(spec) = fields(object, "/spec") {
                change(spec, "defaultConfigs", "supportedConfigs", supported_config);
            }
            if let Some(status) = fields(object, "/status") {
                change(
                    status,
                    "defaultConfigReferences",
                    "defaultconfigReferences",
                    |_| {},
                );
            }
        },
    }),
    ..Hooks::NONE
};

/// `v1beta1` tells the kinds of registration apart.
pub(super) const MANAGED_CLUSTER: Hooks = Hooks {
    conversion: Some(Conversion {
        from_stored: managed_cluster_from_stored,
        to_stored: managed_cluster_to_stored,
    }),
    ..Hooks::NONE
};

/// Stands, in `v1beta1`, for a configuration that has no default. No object
/// can be called so.
const NO_DEFAULT: &str = "__reserved_no_default__";
/// Where `v1beta1` keeps `spec.installNamespace`, which it does not have.
const INSTALL_NAMESPACE: &str = "addon.open-cluster-management.io/v1alpha1-install-namespace";
const KUBE_CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

fn default_config(config: &mut Map<String, Value>) {
    match config.remove("defaultConfig") {
        Some(Value::Object(referent)) => config.extend(referent),
        _ => {
            config.insert("name".into(), NO_DEFAULT.into());
        }
    }
}

fn supported_config(config: &mut Map<String, Value>) {
    let namespace = config.remove("namespace");
    let Some(name) = config.remove("name") else {
        return;
    };
    if name == "" || name == NO_DEFAULT {
        return;
    }
    let mut referent = Map::new();
    referent.extend(namespace.map(|namespace| ("namespace".to_owned(), namespace)));
    referent.insert("name".into(), name);
    config.insert("defaultConfig".into(), referent.into());
}

fn managed_cluster_from_stored(object: &mut Value) {
    if let Some(spec) = fields(object, "/spec")
        && let Some(namespace) = spec.remove("installNamespace")
        && namespace != ""
        && let Some(metadata) = fields(object, "/metadata")
        && let Some(annotations) = metadata
            .entry("annotations")
            .or_insert_with(|| json!({}))
            .as_object_mut()
    {
        annotations.insert(INSTALL_NAMESPACE.into(), namespace);
    }
    let Some(status) = fields(object, "/status") else {
        return;
    };
    status.remove("addOnConfiguration");
    let driver = status.remove("kubeClientDriver");
    change(status, "registrations", "registrations", |registration| {
        let signer = registration.remove("signerName").unwrap_or_default();
        let mut subject = registration.remove("subject").unwrap_or_else(|| json!({}));
        if signer == KUBE_CLIENT_SIGNER {
            let mut client = json!({"subject": subject});
            if let Some(driver) = driver.clone() {
                client["driver"] = driver;
            }
            registration.insert("type".into(), "kubeClient".into());
            registration.insert("kubeClient".into(), client);
        } else {
            if let Some(subject) = subject.as_object_mut() {
                change(subject, "organizationUnit", "organizationUnits", |_| {});
            }
            registration.insert("type".into(), "customSigner".into());
            let signer = json!({"signerName": signer, "subject": subject});
            registration.insert("customSigner".into(), signer);
        }
    });
    change(status, "configReferences", "configReferences", |config| {
        config.remove("name");
        config.remove("namespace");
    });
}

fn managed_cluster_to_stored(object: &mut Value) {
    let annotations = fields(object, "/metadata/annotations");
    let namespace = annotations.and_then(|annotations| annotations.remove(INSTALL_NAMESPACE));
    if let Some(namespace) = namespace
        && let Some(spec) = fields(object, "/spec")
    {
        spec.insert("installNamespace".into(), namespace);
    }
    let Some(status) = fields(object, "/status") else {
        return;
    };
    let mut driver = None;
    change(status, "registrations", "registrations", |registration| {
        registration.remove("type");
        if let Some(mut client) = registration.remove("kubeClient") {
            let of = client
                .as_object_mut()
                .and_then(|client| client.remove("driver"));
            driver = driver.take().or(of);
            registration.insert("signerName".into(), KUBE_CLIENT_SIGNER.into());
            registration.insert("subject".into(), client["subject"].take());
        } else if let Some(mut custom) = registration.remove("customSigner") {
            if let Some(subject) = fields(&mut custom, "/subject") {
                change(subject, "organizationUnits", "organizationUnit", |_| {});
            }
            registration.insert("signerName".into(), custom["signerName"].take());
            registration.insert("subject".into(), custom["subject"].take());
        }
    });
    if let Some(driver) = driver {
        status.insert("kubeClientDriver".into(), driver);
    }
}

fn fields<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    object.pointer_mut(pointer)?.as_object_mut()
}

/// Gives the list `from` the name `to`, and each object in it to `with`.
fn change(
    of: &mut Map<String, Value>,
    from: &str,
    to: &str,
    mut with: impl FnMut(&mut Map<String, Value>),
) {
    let Some(mut list) = of.remove(from) else {
        return;
    };
    for item in list.as_array_mut().into_iter().flatten() {
        if let Some(item) = item.as_object_mut() {
            with(item);
        }
    }
    of.insert(to.into(), list);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_with_and_without_a_default_survive_both_ways() {
        let stored = json!({
            "spec": {"supportedConfigs": [
                {"group": "g", "resource": "r", "defaultConfig": {"name": "n", "namespace": "s"}},
                {"group": "g", "resource": "q"},
            ]},
            "status": {"defaultconfigReferences": [{"group": "g"}]},
        });
        let shown = json!({
            "spec": {"defaultConfigs": [
                {"group": "g", "resource": "r", "name": "n", "namespace": "s"},
                {"group": "g", "resource": "q", "name": NO_DEFAULT},
            ]},
            "status": {"defaultConfigReferences": [{"group": "g"}]},
        });
        both_ways(CLUSTER_MANAGEMENT, &stored, &shown);
    }

    #[test]
    fn registrations_are_told_apart_by_their_signer() {
        let stored = json!({
            "metadata": {"annotations": {}},
            "spec": {"installNamespace": "here"},
            "status": {
                "kubeClientDriver": "token",
                "registrations": [
                    {"signerName": KUBE_CLIENT_SIGNER, "subject": {"user": "u"}},
                    {"signerName": "example.com/s", "subject": {"organizationUnit": ["o"]}},
                ],
            },
        });
        let shown = json!({
            "metadata": {"annotations": {INSTALL_NAMESPACE: "here"}},
            "spec": {},
            "status": {
                "registrations": [
                    {"type": "kubeClient", "kubeClient": {"subject": {"user": "u"}, "driver": "token"}},
                    {"type": "customSigner", "customSigner": {
                        "signerName": "example.com/s", "subject": {"organizationUnits": ["o"]},
                    }},
                ],
            },
        });
        both_ways(MANAGED_CLUSTER, &stored, &shown);
    }

    fn both_ways(hooks: Hooks, stored: &Value, shown: &Value) {
        let conversion = hooks.conversion.unwrap();
        let mut object = stored.clone();
        (conversion.from_stored)(&mut object);
        assert_eq!(object, *shown);
        (conversion.to_stored)(&mut object);
        assert_eq!(object, *stored);
    }
}
