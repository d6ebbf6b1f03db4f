use serde_json::{Value, json};

use super::fields::{items_mut, or_set, text};

mod check;

pub(super) use check::{check, check_template};

/// Sets what a pod's spec leaves open, alone or in a template.
pub(super) fn default(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    or_set(spec, "dnsPolicy", "ClusterFirst");
    or_set(spec, "restartPolicy", "Always");
    or_set(spec, "schedulerName", "default-scheduler");
    or_set(spec, "securityContext", json!({}));
    or_set(spec, "terminationGracePeriodSeconds", 30);
    // The second is an old name of the first; both are shown.
    for (name, alias) in [
        ("serviceAccountName", "serviceAccount"),
        ("serviceAccount", "serviceAccountName"),
    ] {
        let account = text(spec, &format!("/{alias}")).to_owned();
        if !account.is_empty() {
            or_set(spec, name, account);
        }
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["/initContainers", "/containers"] {
        for of in items_mut(spec, list) {
            container(of);
            for port in items_mut(of, "/ports").filter(|_| host_network) {
                let number = port["containerPort"].clone();
                or_set(port, "hostPort", number);
            }
        }
    }
    items_mut(spec, "/ephemeralContainers").for_each(container);
    items_mut(spec, "/volumes").for_each(volume);
}

fn container(container: &mut Value) {
    let latest = is_latest(text(container, "/image"));
    let policy = if latest { "Always" } else { "IfNotPresent" };
    or_set(container, "imagePullPolicy", policy);
    or_set(container, "terminationMessagePath", "/dev/termination-log");
    or_set(container, "terminationMessagePolicy", "File");
    items_mut(container, "/ports").for_each(|port| or_set(port, "protocol", "TCP"));
    for variable in items_mut(container, "/env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            or_set(field, "apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(name).filter(|probe| probe.is_object()) else {
            continue;
        };
        or_set(probe, "timeoutSeconds", 1);
        or_set(probe, "periodSeconds", 10);
        or_set(probe, "successThreshold", 1);
        or_set(probe, "failureThreshold", 3);
        http_get(probe);
        if let Some(grpc) = probe.get_mut("grpc") {
            or_set(grpc, "service", "");
        }
    }
    for pointer in ["/lifecycle/postStart", "/lifecycle/preStop"] {
        if let Some(action) = container.pointer_mut(pointer) {
            http_get(action);
        }
    }
}

/// Whether an image's reference has neither a digest nor another tag.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    // What is no reference has no tag that anybody could read.
    !image.is_empty()
        && !image.contains('@')
        && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn http_get(action: &mut Value) {
    if let Some(get) = action.get_mut("httpGet") {
        or_set(get, "path", "/");
        or_set(get, "scheme", "HTTP");
    }
}

fn volume(volume: &mut Value) {
    const MODE: u32 = 0o644;
    if volume
        .as_object()
        .is_some_and(|of| of.keys().all(|key| key == "name"))
    {
        or_set(volume, "emptyDir", json!({}));
    }
    for name in ["configMap", "downwardAPI", "projected", "secret"] {
        if let Some(source) = volume.get_mut(name) {
            or_set(source, "defaultMode", MODE);
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        or_set(path, "type", "");
    }
    for item in items_mut(volume, "/downwardAPI/items") {
        field_reference(item);
    }
    for source in items_mut(volume, "/projected/sources") {
        if let Some(token) = source.get_mut("serviceAccountToken") {
            or_set(token, "expirationSeconds", 3600);
        }
        items_mut(source, "/downwardAPI/items").for_each(field_reference);
    }
}

fn field_reference(item: &mut Value) {
    if let Some(field) = item.get_mut("fieldRef") {
        or_set(field, "apiVersion", "v1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_image_that_may_change_is_always_pulled() {
        for (image, latest) in [
            ("nginx", true),
            ("nginx:latest", true),
            ("localhost:5000/nginx", true),
            ("nginx:1.2", false),
            ("localhost:5000/nginx:1.2", false),
            ("nginx@sha256:abc", false),
        ] {
            assert_eq!(is_latest(image), latest, "{image}");
        }
    }
}
