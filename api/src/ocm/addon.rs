use serde_json::{Map, Value, json};

use crate::{Conversion, Hooks};

/// `v1beta1` calls the supported configurations by the default of each.
pub(super) const CLUSTER_MANAGEMENT: Hooks = Hooks {
    conversion: Some(Conversion {
        from_stored: |object| {
            set_aside(object);
            if let Some(spec) = fields(object, "/spec") {
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
            put_back(object);
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
/// Where `v1beta1` keeps what else it does not have; no annotation of Open
/// Cluster Management's own, which loses it.
const REST: &str = "addon.open-cluster-management.io/v1alpha1-fields";
const CONFIGURATION: &str = "addOnConfiguration";
const REFERENCES: &str = "/status/configReferences";
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
    set_aside(object);
    if let Some(spec) = fields(object, "/spec")
        && let Some(namespace) = spec.remove("installNamespace")
        && namespace != ""
    {
        annotate(object, INSTALL_NAMESPACE, namespace);
    }
    let Some(status) = fields(object, "/status") else {
        return;
    };
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
}

fn managed_cluster_to_stored(object: &mut Value) {
    put_back(object);
    if let Some(namespace) = take_annotation(object, INSTALL_NAMESPACE)
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

/// Takes off what `v1beta1` has no fields for, and keeps it in an annotation,
/// so that who changes an object in that version changes nothing of it.
fn set_aside(object: &mut Value) {
    let mut rest = Map::new();
    for parent in ["/spec", "/status"] {
        let field = fields(object, parent).and_then(|of| of.remove(CONFIGURATION));
        if let Some(field) = field.filter(|field| !field.is_null() && *field != json!({})) {
            rest.insert(parent.to_owned(), field);
        }
    }
    let mut named = false;
    let references = object.pointer_mut(REFERENCES).and_then(Value::as_array_mut);
    let names: Vec<Value> = references
        .into_iter()
        .flatten()
        .map(|of| {
            let fields = of.as_object_mut();
            let names = fields.map(|of| [of.remove("name"), of.remove("namespace")]);
            let names = json!(names.unwrap_or_default());
            named |= names != json!([null, null]);
            json!([of["group"], of["resource"], names[0], names[1]])
        })
        .collect();
    if named {
        rest.insert(REFERENCES.to_owned(), names.into());
    }
    if !rest.is_empty() {
        let rest = Value::Object(rest).to_string();
        annotate(object, REST, rest.into());
    }
}

/// Puts what was [`set_aside`] where it was.
fn put_back(object: &mut Value) {
    let rest = take_annotation(object, REST);
    let rest: Value = match rest.as_ref().and_then(Value::as_str) {
        Some(rest) => serde_json::from_str(rest).unwrap_or_default(),
        None => return,
    };
    for parent in ["/spec", "/status"] {
        if let (Some(field), Some(of)) = (rest.get(parent), fields(object, parent)) {
            of.insert(CONFIGURATION.to_owned(), field.clone());
        }
    }
    let references = object.pointer_mut(REFERENCES).and_then(Value::as_array_mut);
    let names = rest[REFERENCES].as_array().into_iter().flatten();
    // One that is no longer where it was was put there by somebody else.
    for (of, names) in references.into_iter().flatten().zip(names) {
        let same = of["group"] == names[0] && of["resource"] == names[1];
        if let (true, Some(of)) = (same, of.as_object_mut()) {
            for (field, value) in [("name", &names[2]), ("namespace", &names[3])] {
                if !value.is_null() {
                    of.insert(field.to_owned(), value.clone());
                }
            }
        }
    }
}

fn annotate(object: &mut Value, name: &str, value: Value) {
    let metadata = fields(object, "/metadata");
    let annotations = metadata.map(|of| of.entry("annotations").or_insert_with(|| json!({})));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.insert(name.to_owned(), value);
    }
}

/// Takes an annotation off, and the annotations with the last of them.
fn take_annotation(object: &mut Value, name: &str) -> Option<Value> {
    let annotations = fields(object, "/metadata/annotations")?;
    let value = annotations.remove(name);
    if annotations.is_empty() {
        fields(object, "/metadata")?.remove("annotations");
    }
    value
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
            "metadata": {},
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

    #[test]
    fn what_the_newer_version_has_no_fields_for_survives_it() {
        let stored = json!({
            "metadata": {"name": "a"},
            "spec": {"addOnConfiguration": {"crName": "c"}},
            "status": {
                "addOnConfiguration": {"crdName": "d"},
                "configReferences": [
                    {"group": "g", "resource": "r", "name": "n", "namespace": "s"},
                    {"group": "g", "resource": "q", "name": "m"},
                ],
            },
        });
        for hooks in [CLUSTER_MANAGEMENT, MANAGED_CLUSTER] {
            let conversion = hooks.conversion.unwrap();
            let mut object = stored.clone();
            (conversion.from_stored)(&mut object);
            assert_eq!(object["spec"], json!({}));
            assert_eq!(
                object["status"],
                json!({"configReferences": [
                    {"group": "g", "resource": "r"},
                    {"group": "g", "resource": "q"},
                ]})
            );
            // Somebody gives it another, before the one that had a name.
            let mut changed = object.clone();
            changed["status"]["configReferences"][0]["resource"] = "p".into();
            (conversion.to_stored)(&mut object);
            assert_eq!(object, stored);
            (conversion.to_stored)(&mut changed);
            assert_eq!(
                changed["status"]["configReferences"],
                json!([
                    {"group": "g", "resource": "p"},
                    {"group": "g", "resource": "q", "name": "m"},
                ])
            );
        }
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
