use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{MAPS, map, with};
use crate::request::{Request, get, post};

pub(super) fn requests() -> Vec<Request> {
    let mut all = vec![get(MAPS), get(format!("{MAPS}/nothing"))];
    for (at, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let labels = json!({"metadata": {"labels": {"n": at.to_string(), "of": if at < 3 { "left" } else { "right" }, "size": (at * 10).to_string()}}});
        all.push(post(MAPS, &with(map(name), &labels)));
    }
    let list = |query: &str| get(format!("{MAPS}?{query}"));
    all.extend([get(MAPS), get(format!("{MAPS}/a"))]);
    for query in [
        "resourceVersion=0",
        "resourceVersion=<rv a>",
        "resourceVersion=999999999999",
        "resourceVersion=x",
        "resourceVersion=-1",
    ] {
        all.push(get(format!("{MAPS}/a?{query}")));
    }
    // Selectors.
    for selector in [
        "of=left",
        "of==left",
        "of!=left",
        "of in (left,right)",
        "of notin (left)",
        "of",
        "!of",
        "!nothing",
        "size>5",
        "size<15",
        "size>x",
        "of=left,n!=0",
        "n in (0, 1 ,2)",
        "of in ()",
        "of in (left",
        "=",
        ",",
        "of=left,",
        "of = left",
        "a/b/c=x",
        "-a=x",
        "a=-x",
        "a=!",
        "of,!nothing",
        "size>5,size<25",
        "n notin (0,1),of=left",
        "x in (a,,b)",
        "()",
        "a=(b)",
        "a==",
        "a!=",
        "\u{fc}=x",
        "a>1.5",
    ] {
        all.push(list(&format!("labelSelector={}", encoded(selector))));
    }
    for selector in [
        "metadata.name=a",
        "metadata.name!=a",
        "metadata.namespace=<ns>",
        "metadata.name=a,metadata.name=b",
        "spec.x=1",
        "metadata.name",
        "metadata.name=a,",
        "=",
        "metadata.name==a",
        "metadata.name=a\\,b",
        "metadata.name=a\\",
        "metadata.labels=x",
        "metadata.name in (a)",
    ] {
        all.push(list(&format!("fieldSelector={}", encoded(selector))));
    }
    // Pages.
    for query in [
        "limit=2",
        "limit=2&continue=<continue>",
        "limit=2&continue=<continue>",
        "limit=2&labelSelector=of=left",
        "limit=1&continue=<continue>&labelSelector=of=left",
        "limit=2",
        "limit=2&continue=<continue>&resourceVersion=<rv a>",
        "limit=2&continue=<continue>&resourceVersion=0",
        "limit=2&continue=<continue>&resourceVersionMatch=Exact",
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=5",
        "limit=100",
        "limit=2&resourceVersion=0",
        "limit=2&resourceVersion=<rv e>",
        "limit=2&resourceVersion=<rv c>",
        "limit=2&resourceVersion=<rv e>&resourceVersionMatch=NotOlderThan",
        "resourceVersion=<rv c>&resourceVersionMatch=Exact",
        "resourceVersion=<rv a>&resourceVersionMatch=Exact",
        "resourceVersion=<rv c>&resourceVersionMatch=NotOlderThan",
        "resourceVersion=0&resourceVersionMatch=NotOlderThan",
        "resourceVersion=0&resourceVersionMatch=Exact",
        "resourceVersionMatch=Exact",
        "resourceVersionMatch=NotOlderThan",
        "resourceVersionMatch=x&resourceVersion=1",
        "resourceVersion=999999999999",
        "resourceVersion=999999999999&resourceVersionMatch=Exact",
        "resourceVersion=x",
        "resourceVersion=-1",
        "sendInitialEvents=true",
        "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=1",
        "timeoutSeconds=x",
        "timeoutSeconds=5",
        "allowWatchBookmarks=true",
        "pretty=true",
        "unknown=1",
        "watch=0",
        "watch=false",
    ] {
        all.push(list(query));
    }
    for token in [
        "x".to_owned(),
        "%FF".to_owned(),
        forged(&json!({})),
        forged(&json!({"v": "v2", "rv": 1, "start": "a"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": 0, "start": "a"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": 1})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": 1, "start": "../secrets/a"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": 1, "start": "a/../b"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": "1", "start": "a"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": -1, "start": "c\u{0}"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": -1, "start": "/c\u{0}"})),
        forged(&json!({"v": "meta.k8s.io/v1", "rv": -2, "start": "c\u{0}"})),
        URL_SAFE_NO_PAD.encode("[]"),
        URL_SAFE_NO_PAD.encode("{"),
    ] {
        all.push(list(&format!("limit=2&continue={token}")));
    }
    // Elsewhere.
    all.extend([
        get("/api/v1/configmaps?labelSelector=n=0&fieldSelector=metadata.namespace=<ns>"),
        get("/api/v1/namespaces/nowhere/configmaps"),
        get("/api/v1/namespaces/nowhere/configmaps/a"),
        get("/api/v1/namespaces/<ns>"),
        get("/api/v1/namespaces/<ns>/nothings"),
        get("/api/v1/nothings"),
        get("/api/v2/configmaps"),
        get("/apis/nothing/v1/x"),
        get("/apis/apps/v2/deployments"),
        get("/api/v1/configmaps/a"),
        get("/apis/apps/v1/namespaces/<ns>/deployments/a/nothing"),
        get(format!("{MAPS}/a/status")),
        get("/api/v1/namespaces/<ns>/configmaps/a/b/c"),
        get("/nothing"),
        get("/api/v1/namespaces/<ns>/secrets?fieldSelector=type=Opaque"),
        get("/api/v1/namespaces/<ns>/pods?fieldSelector=spec.nodeName=x,status.phase=Running"),
        get("/api/v1/namespaces/<ns>/events?fieldSelector=involvedObject.name=x"),
        get("/api/v1/namespaces?fieldSelector=status.phase=Nothing"),
        get("/apis/apps/v1/namespaces/<ns>/deployments?fieldSelector=spec.replicas=1"),
        Request::new("HEAD", format!("{MAPS}/a")),
        Request::new("HEAD", MAPS),
    ]);
    all
}

fn forged(token: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'<' | b'>' | b'/' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
        .replace("<ns>", "\u{0}")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('\u{0}', "<ns>")
}
