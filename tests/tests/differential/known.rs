//! The known differences, each of which `docs/api-differences.md` tells of
//! under the same heading.

use serde_json::Value;

use crate::request::Request;
use crate::told::Told;
use crate::words::only_words_differ;

/// A difference that there is a reason for.
pub(crate) struct Known {
    /// Its heading in the document.
    pub(crate) heading: &'static str,
    /// Takes it out of two answers, and says whether it was there.
    take_out: fn(&Request, &mut Told, &mut Told) -> bool,
}

impl Known {
    /// Takes all known differences out of two answers, and tells which of
    /// them were there.
    pub(crate) fn reconcile(
        request: &Request,
        ours: &mut Told,
        real: &mut Told,
    ) -> Vec<&'static str> {
        let mut met = Vec::new();
        for known in KNOWN {
            if ours != real && (known.take_out)(request, ours, real) {
                met.push(known.heading);
            }
        }
        met
    }

    /// The headings of all.
    pub(crate) fn headings() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|known| known.heading)
    }
}

const KNOWN: &[Known] = &[
    Known {
        heading: "Nothing is answered in protobuf",
        take_out: |_, ours, real| {
            let protobuf = |told: &Told| told.header("content-type") == Some(PROTOBUF);
            if protobuf(real) && !protobuf(ours) && ours.status == real.status {
                *real = ours.clone();
                return true;
            }
            let shown = format!(", {PROTOBUF}");
            let watched = format!("{shown};stream=watch");
            let less = |text: &str| text.replace(&watched, "").replace(&shown, "");
            walk(&mut real.body, "", &mut |value, name| match value {
                Value::String(text) if name == "message" && *text != less(text) => {
                    *text = less(text);
                    true
                }
                _ => false,
            })
        },
    },
    Known {
        heading: "The columns of a Table have short descriptions",
        take_out: |_, ours, real| {
            let mut take = |value: &mut Value, name: &str| {
                let is = name == "columnDefinitions";
                for column in value.as_array_mut().into_iter().flatten().filter(|_| is) {
                    column["description"] = "".into();
                }
                is
            };
            walk(&mut ours.body, "", &mut take) & walk(&mut real.body, "", &mut take)
        },
    },
    Known {
        heading: "No rows and no items are null in some lists",
        take_out: |_, ours, real| {
            let (kind, field) = match real.body["kind"].as_str() {
                Some("Table") => ("Table", "rows"),
                _ => ("PartialObjectMetadataList", "items"),
            };
            let none = real.body["kind"] == kind && real.body[field].is_null();
            let empty = ours.body[field].as_array().is_some_and(Vec::is_empty);
            if none && empty {
                real.body[field] = Value::Array(Vec::new());
            }
            none && empty
        },
    },
    Known {
        heading: "Accept is read by one rule",
        take_out: |request, ours, real| {
            let accept = |of: &&(String, String)| of.0 == "accept";
            let asked = request.headers.iter().find(accept);
            let asked = asked.map_or("", |(_, media)| media.as_str());
            let wider = asked == "application/*" && ours.status == 200 && real.status == 406;
            let list_of_one = asked.contains("PartialObjectMetadataList")
                && (ours.status, real.status) == (406, 500);
            let yaml = asked == "application/yaml" && ours.status == 406 && real.status == 406;
            take(wider || list_of_one || yaml, ours, real)
        },
    },
    Known {
        heading: "Pods get no token of their service account",
        take_out: |request, ours, real| {
            let there = walk(&mut real.body, "", &mut |value, name| {
                let Value::Array(items) = value else {
                    return false;
                };
                let before = items.len();
                let of_account = |item: &Value| {
                    let name = item["name"].as_str().unwrap_or_default();
                    name.starts_with("kube-api-access-")
                };
                if matches!(name, "volumes" | "volumeMounts") {
                    items.retain(|item| !of_account(item));
                }
                before > items.len()
            });
            // An empty list of mounts is there a list of one.
            let body = String::from_utf8_lossy(&request.body);
            let empty = request.path.contains("/pods") && body.contains("\"volumeMounts\":[]");
            let untimed = |told: &Told| {
                let mut told = told.clone();
                let entries = told.body.pointer_mut("/metadata/managedFields");
                for entry in entries.and_then(Value::as_array_mut).into_iter().flatten() {
                    entry["time"].take();
                }
                told
            };
            let same = untimed(ours) == untimed(real);
            there | take(empty && same, ours, real)
        },
    },
    Known {
        heading: "Services get no addresses",
        take_out: |request, ours, real| {
            let fields = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
            let given = request.path.contains("/services")
                && ours.body["spec"].get("clusterIP").is_none()
                && real.body["spec"].get("clusterIP").is_some();
            if let (true, Some(Value::Object(spec))) = (given, real.body.get_mut("spec")) {
                spec.retain(|name, _| !fields.contains(&name.as_str()));
            }
            let causes = real.body["details"]["causes"].as_array();
            let address = |of: &Value| {
                let field = of["field"].as_str().unwrap_or_default();
                field.starts_with("spec.clusterIP") || field.starts_with("spec.ipFamil")
            };
            let fixed = causes.is_some_and(|of| !of.is_empty() && of.iter().all(address));
            let dual = request.path.contains("/services")
                && (fixed
                    || real
                        .message()
                        .contains("not configured for dual-stack services"));
            given | take(dual, ours, real)
        },
    },
    Known {
        heading: "Some values of Kubernetes' own kinds are not checked",
        take_out: |request, ours, real| {
            let taken = (200..300).contains(&ours.status);
            let of_pod = request.path.contains("/pods") && real.status == 403;
            let causes = real.body["details"]["causes"].as_array();
            let field = |of: &Value| of["field"].as_str().unwrap_or_default().to_owned();
            let unchecked = |of: &Value| {
                let field = field(of);
                UNCHECKED.iter().any(|of| field.starts_with(of))
            };
            let listed = causes.is_some_and(|of| !of.is_empty() && of.iter().all(unchecked));
            take(
                taken && (of_pod || real.status == 422 && listed),
                ours,
                real,
            )
        },
    },
    Known {
        heading: "An empty map that was applied to a custom resource is kept",
        take_out: |request, ours, real| {
            let custom = request.path.contains("open-cluster-management.io");
            let mut null = false;
            for map in ["labels", "annotations"] {
                let shown = ours.body["metadata"].get(map).is_some();
                if let Some(Value::Object(metadata)) = real.body.get_mut("metadata")
                    && custom
                    && !shown
                    && metadata.get(map) == Some(&Value::Null)
                {
                    metadata.remove(map);
                    null = true;
                }
            }
            let owned = real.owned.iter();
            let mut empty = owned.filter(|of| {
                let maps = ["\"f:labels\":{}", "\"f:annotations\":{}"];
                maps.iter().any(|map| of.contains(map))
            });
            let version = |told: &Told| told.body.pointer("/metadata/resourceVersion").cloned();
            let (mine, theirs) = (version(ours), version(real));
            let rewritten = mine.is_some_and(|of| of == "RV as before")
                && theirs.as_ref().is_some_and(|of| of == "RV");
            let there = custom && rewritten && empty.next().is_some();
            if there {
                ours.body["metadata"]["resourceVersion"] = theirs.unwrap_or_default();
            }
            there || null
        },
    },
    Known {
        heading: "A list is no date",
        take_out: |_, ours, real| {
            let causes = ours.body["details"]["causes"].as_array();
            let list = |of: &Value| {
                let message = of["message"].as_str().unwrap_or_default();
                message.ends_with("must be of type string: \"array\"")
            };
            let so = causes.is_some_and(|of| !of.is_empty() && of.iter().all(list));
            take(so && (200..300).contains(&real.status), ours, real)
        },
    },
    Known {
        heading: "YAML is read by version 1.2, one document of it",
        take_out: |request, ours, real| {
            let yaml = |of: &(String, String)| of.0 == "content-type" && of.1.ends_with("yaml");
            let body = String::from_utf8_lossy(&request.body);
            let other = ["yes:", "yes,", "---"].iter().any(|of| body.contains(of));
            let told = |told: &Told| told.header("warning").unwrap_or_default().to_owned();
            let line = told(real).contains("already set in map");
            let yaml = request.headers.iter().any(yaml);
            if yaml && line && ours.status == real.status {
                ours.headers.clone_from(&real.headers);
            }
            take(yaml && other, ours, real) || yaml && line
        },
    },
    Known {
        heading: "Fewer warnings are given",
        take_out: |_, ours, real| {
            let before = real.headers.len();
            let same = ours.status == real.status;
            let given = ours.headers.clone();
            real.headers
                .retain(|of| of.0 != "warning" || !same || given.contains(of));
            real.headers.len() < before
        },
    },
    Known {
        heading: "A scale is applied like it is patched",
        take_out: |request, ours, real| {
            take(request.path.contains("/deployments/scaled"), ours, real)
        },
    },
    Known {
        heading: "Reviews tell nobody as the owner of their fields",
        take_out: |request, _, real| {
            let review = request.path.ends_with("reviews");
            let metadata = real.body.get_mut("metadata").filter(|_| review);
            let metadata = metadata.and_then(Value::as_object_mut);
            let there = metadata.is_some_and(|of| of.remove("managedFields").is_some());
            if there {
                real.owned.clear();
            }
            there
        },
    },
    Known {
        heading: "Requests for certificates tell who owns their fields",
        take_out: |request, ours, real| {
            if !request.path.contains("/certificatesigningrequests") {
                return false;
            }
            let has = |told: &Told| told.body.to_string().contains("managedFields");
            if !has(ours) || has(real) {
                return false;
            }
            ours.owned.clear();
            // An update of what cannot be changed changes who did it last.
            if let (Some(version), Some(of_real)) = (
                ours.body.pointer_mut("/metadata/resourceVersion"),
                real.body.pointer("/metadata/resourceVersion"),
            ) {
                version.clone_from(of_real);
            }
            walk(&mut ours.body, "", &mut |value, _| {
                value
                    .as_object_mut()
                    .is_some_and(|of| of.remove("managedFields").is_some())
            })
        },
    },
    Known {
        heading: "Events are selected by their source alone",
        take_out: |request, ours, real| {
            take(request.path.contains("fieldSelector=source="), ours, real)
        },
    },
    Known {
        heading: "An empty list that has to be there is nobody's",
        take_out: |request, ours, real| {
            let empty = String::from_utf8_lossy(&request.body).contains("\"rules\":[]");
            let mut theirs = real.clone();
            let owned = |value: &mut Value, _: &str| {
                value
                    .as_object_mut()
                    .is_some_and(|of| of.remove("f:rules").is_some())
            };
            if !empty || !walk(&mut theirs.body, "", &mut { owned }) {
                return false;
            }
            real.body["metadata"]["managedFields"] = ours.body["metadata"]["managedFields"].clone();
            if real.body["metadata"]["managedFields"].is_null()
                && let Some(Value::Object(metadata)) = real.body.get_mut("metadata")
            {
                metadata.remove("managedFields");
            }
            real.owned.clone_from(&ours.owned);
            true
        },
    },
    Known {
        heading: "There is no namespace kube-node-lease",
        take_out: |request, ours, real| take(request.path.contains("kube-node-lease"), ours, real),
    },
    Known {
        heading: "A map that is twice in a body is the last of the two",
        take_out: |request, ours, real| {
            let body = String::from_utf8_lossy(&request.body);
            let twice = body.matches("\"data\":").count() > 1;
            take(twice && ours.status == real.status, ours, real)
        },
    },
    Known {
        heading: "Bodies are not read as deep, nor as full",
        take_out: |_, ours, real| {
            let message = ours.message();
            let bounds = [
                "exceeded max depth",
                "budget breached",
                "more than 200000 values",
            ];
            let beyond = bounds.iter().any(|of| message.contains(of));
            take(beyond && ours.status == 400, ours, real)
        },
    },
    Known {
        heading: "Paths with dots and paths that are no UTF-8 are refused",
        take_out: |_, ours, real| {
            let message = ours.message();
            let path = message.contains("segment of dots") || message.contains("is not UTF-8");
            take(path && ours.status == 400, ours, real)
        },
    },
    Known {
        heading: "A custom resource in protobuf is refused",
        take_out: |request, ours, real| {
            let sent = |of: &(String, String)| of.0 == "content-type" && of.1 == PROTOBUF;
            let hung_up = request.headers.iter().any(sent) && real.status == 0;
            take(hung_up && ours.status == 415, ours, real)
        },
    },
    Known {
        heading: "Some errors are told in other words",
        take_out: |_, ours, real| take(only_words_differ(ours, real), ours, real),
    },
];

/// The fields whose values are not checked.
const UNCHECKED: &[&str] = &["binaryData", "status.certificate"];

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Takes our answer for the real one, if that is so.
fn take(so: bool, ours: &mut Told, real: &Told) -> bool {
    if so {
        ours.clone_from(real);
    }
    so
}

/// Shows a change each value and its name, and tells whether one was made.
/// What is an empty list then is gone.
fn walk(value: &mut Value, name: &str, change: &mut dyn FnMut(&mut Value, &str) -> bool) -> bool {
    let mut changed = change(value, name);
    match value {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                let Some(value) = fields.get_mut(&name) else {
                    continue;
                };
                if walk(value, &name, change) {
                    changed = true;
                    if value.as_array().is_some_and(Vec::is_empty) {
                        fields.remove(&name);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                changed |= walk(item, "", change);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    changed
}
