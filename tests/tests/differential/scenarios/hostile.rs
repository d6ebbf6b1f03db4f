use serde_json::{Value, json};

use super::{MAPS, WORKS, map, with, work};
use crate::request::{Request, apply, get, json_patch, merge, post, put, strategic};

/// Requests that nobody means well with: each is answered, as the real server
/// answers it, in bounded time and memory.
pub(super) fn requests() -> Vec<Request> {
    let mut all = vec![post(MAPS, &map("a")), post(WORKS, &work("w"))];
    all.extend(large());
    all.extend(deep());
    all.extend(garbled());
    all.extend(exploding());
    all.extend(heads());
    all.push(get(format!("{MAPS}/a")));
    all
}

const TOO_MUCH: usize = 3 * 1024 * 1024 + 1;

fn large() -> Vec<Request> {
    let long =
        |length: usize| with(map("large"), &json!({"data": {"x": "y".repeat(length)}})).to_string();
    let a = format!("{MAPS}/a");
    vec![
        Request::new("POST", MAPS).bytes("application/json", "x".repeat(TOO_MUCH)),
        Request::new("POST", MAPS).bytes("application/json", long(TOO_MUCH)),
        Request::new("POST", MAPS).bytes("application/json", long(2 * 1024 * 1024)),
        Request::new("POST", MAPS).bytes("application/yaml", long(TOO_MUCH)),
        Request::new("POST", MAPS)
            .bytes("application/vnd.kubernetes.protobuf", "x".repeat(TOO_MUCH)),
        Request::new("PUT", a.as_str()).bytes("application/json", long(TOO_MUCH)),
        Request::new("PATCH", a.as_str()).bytes("application/merge-patch+json", long(TOO_MUCH)),
        Request::new("PATCH", a.as_str())
            .bytes("application/strategic-merge-patch+json", long(TOO_MUCH)),
        Request::new("PATCH", a.as_str()).bytes("application/json-patch+json", long(TOO_MUCH)),
        Request::new("PATCH", format!("{a}?fieldManager=x"))
            .bytes("application/apply-patch+yaml", long(TOO_MUCH)),
        Request::new("DELETE", format!("{MAPS}/nothing")).bytes("application/json", long(TOO_MUCH)),
        Request::new("POST", WORKS).bytes(
            "application/json",
            with(
                work("large"),
                &json!({"metadata": {"annotations": {"x": "y".repeat(TOO_MUCH)}}}),
            )
            .to_string(),
        ),
        post(
            MAPS,
            &with(
                map("many"),
                &json!({"metadata": {"annotations": {"x": "y".repeat(256 * 1024)}}}),
            ),
        ),
    ]
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

fn deep() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let mut all = Vec::new();
    for depth in [100, 9_000, 11_000, 500_000] {
        let lists = nested("[", "1", "]", depth);
        let maps = nested("{\"a\":", "1", "}", depth);
        for body in [&lists, &maps] {
            all.push(Request::new("POST", MAPS).bytes("application/json", body.as_str()));
            all.push(
                Request::new("PATCH", a.as_str())
                    .bytes("application/merge-patch+json", body.as_str()),
            );
        }
        all.push(
            Request::new("PATCH", a.as_str())
                .bytes("application/strategic-merge-patch+json", maps.as_str()),
        );
        all.push(
            Request::new("PATCH", a.as_str()).bytes("application/json-patch+json", lists.as_str()),
        );
        let object = format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"deep\"}},\"nothing\":{maps}}}"
        );
        all.push(
            Request::new("POST", format!("{MAPS}?dryRun=All")).bytes("application/json", object),
        );
        let work = format!(
            "{{\"apiVersion\":\"work.open-cluster-management.io/v1\",\"kind\":\"ManifestWork\",\"metadata\":{{\"name\":\"deep\"}},\"nothing\":{maps}}}"
        );
        all.push(
            Request::new("POST", format!("{WORKS}?dryRun=All")).bytes("application/json", work),
        );
    }
    for depth in [100, 11_000, 100_000] {
        let lists = nested("[", "1", "]", depth);
        all.push(Request::new("POST", MAPS).bytes("application/yaml", lists.as_str()));
        all.push(
            Request::new("PATCH", format!("{a}?fieldManager=x"))
                .bytes("application/apply-patch+yaml", lists.as_str()),
        );
    }
    // Wide ones.
    let many: serde_json::Map<String, Value> = (0..5_000)
        .map(|at| (format!("k{at}"), json!("v")))
        .collect();
    all.push(post(
        format!("{MAPS}?dryRun=All"),
        &with(map("wide"), &json!({"data": many})),
    ));
    let labels: serde_json::Map<String, Value> = (0..5_000)
        .map(|at| (format!("k{at}"), json!("v")))
        .collect();
    all.push(post(
        MAPS,
        &json!({"metadata": {"name": "labels", "labels": labels}}),
    ));
    all
}

fn garbled() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let raw = |media: &str, body: &[u8]| Request::new("POST", MAPS).bytes(media, body);
    let proto = |body: &[u8]| raw("application/vnd.kubernetes.protobuf", body);
    let mut inside =
        br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"utf"},"data":{"a":""#
            .to_vec();
    inside.extend([0xff, 0xfe]);
    inside.extend(br#""}}"#);
    vec![
        raw("application/json", &[0xff, 0xfe]),
        raw("application/json", &inside),
        raw("application/json", &[0]),
        raw("application/json", b"{\"a\":\x01}"),
        raw("application/json", b"{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\x01\"}}"),
        raw("application/json", b"\xef\xbb\xbf{}"),
        raw("application/yaml", &[0xc3, 0x28]),
        raw("application/yaml", &[0]),
        raw("application/json", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n"},"data":{"a":"\ud800"}}"#),
        raw("application/json", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n0"},"data":{"a":"\u0000"}}"#),
        raw("application/json", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","generation":1e400}}"#),
        raw("application/json", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","generation":99999999999999999999}}"#),
        raw("application/json", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","generation":01}}"#),
        raw("application/json", br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","generation":NaN}}"#),
        proto(b"k8s"),
        proto(b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        proto(b"k8s\0\x0a\xff\xff\xff\xff\x7f"),
        proto(b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x05\x0a\xff\xff\xff\x0f"),
        proto(b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x02\x0a\x03"),
        proto(b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x01\x07"),
        proto(b"k8s\0\x0a\x0d\x0a\x02v1\x12\x07Nothing\x12\x00"),
        proto(b"\x00\x00\x00\x00"),
        Request::new("PATCH", a.as_str()).bytes("application/merge-patch+json", &[0xff][..]),
        Request::new("PATCH", a.as_str()).bytes("application/json-patch+json", &[0xff][..]),
        Request::new("PATCH", a.as_str()).bytes("application/strategic-merge-patch+json", &[0xff][..]),
        Request::new("PATCH", format!("{a}?fieldManager=x")).bytes("application/apply-patch+yaml", &[0xff][..]),
        get(format!("{MAPS}?labelSelector=%FF")),
        get(format!("{MAPS}?labelSelector={}", "a,".repeat(3000))),
        get(format!("{MAPS}?labelSelector={}", "(".repeat(3000))),
        get(format!("{MAPS}?labelSelector=a%20in%20({})", "b,".repeat(3000))),
        get(format!("{MAPS}?fieldSelector=%FF")),
        get(format!("{MAPS}?fieldSelector={}", "metadata.name!=a,".repeat(500))),
        get(format!("{MAPS}?limit=99999999999999999999")),
        get(format!("{MAPS}?limit=9223372036854775807")),
        get(format!("{MAPS}?continue={}", "A".repeat(8000))),
        get(format!("{MAPS}?resourceVersion=99999999999999999999")),
        get(format!("{MAPS}?timeoutSeconds=99999999999999999999")),
        get(format!("{MAPS}?%zz=1")),
        get(format!("{MAPS}?a;b")),
        get(format!("{MAPS}?=&&=")),
    ]
}

fn exploding() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let bomb = |depth: usize| {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for at in 1..depth {
            let of = format!("*a{}", at - 1);
            text.push_str(&format!("a{at}: &a{at} [{}]\n", vec![of; 10].join(",")));
        }
        text
    };
    // Each copies all there is.
    let mut copies = vec![json!({"op": "add", "path": "/data", "value": {"x": "y".repeat(1000)}})];
    copies.extend(
        (0..40).map(|at| json!({"op": "copy", "from": "/data", "path": format!("/data/c{at}")})),
    );
    let many: Vec<Value> = (0..10_001)
        .map(|_| json!({"op": "test", "path": "/kind", "value": "ConfigMap"}))
        .collect();
    let fewer: Vec<Value> = (0..9_999)
        .map(|_| json!({"op": "test", "path": "/kind", "value": "ConfigMap"}))
        .collect();
    vec![
        Request::new("POST", MAPS).bytes("application/yaml", bomb(9)),
        Request::new("POST", MAPS).bytes("application/yaml", bomb(3)),
        Request::new("PATCH", format!("{a}?fieldManager=x"))
            .bytes("application/apply-patch+yaml", bomb(9)),
        Request::new("POST", WORKS).bytes("application/yaml", bomb(9)),
        json_patch(a.as_str(), &copies.into()),
        json_patch(a.as_str(), &many.into()),
        json_patch(a.as_str(), &fewer.into()),
        json_patch(
            a.as_str(),
            &json!([{"op": "add", "path": format!("/{}", "a/".repeat(5000)), "value": 1}]),
        ),
        merge(a.as_str(), &json!({"data": {"x": "y".repeat(1_100_000)}})),
        strategic(a.as_str(), &json!({"data": {"x": "y".repeat(1_100_000)}})),
        apply(
            format!("{a}?fieldManager=big&force=true"),
            &with(map("a"), &json!({"data": {"x": "y".repeat(1_100_000)}})),
        ),
        put(
            a.as_str(),
            &with(map("a"), &json!({"data": {"x": "y".repeat(1_100_000)}})),
        ),
    ]
}

fn heads() -> Vec<Request> {
    let a = format!("{MAPS}/a");
    let mut all = vec![
        get(a.as_str()).accept(&"application/json,".repeat(500)),
        get(a.as_str()).accept(&"text/html;q=0.1,".repeat(500)),
        get(a.as_str()).accept(&format!("application/json{}", ";a=b".repeat(2000))),
        get(a.as_str()).accept(&format!("{}, application/json", "x".repeat(10_000))),
        get(a.as_str()).header("content-type", "x/".repeat(2000)),
        get(a.as_str()).header("impersonate-user", "x".repeat(10_000)),
        get(a.as_str()).header("impersonate-user", ""),
        get(a.as_str()).header("impersonate-group", "g"),
        get(a.as_str()).header("impersonate-extra-a", "g"),
        get(a.as_str()).header("impersonate-uid", "g"),
        get(a.as_str()).header("impersonate-user", "nobody"),
        get("/healthz").header("impersonate-user", "nobody"),
        get("/apis/nothing/v1/x").header("impersonate-user", "nobody"),
        get("/nothing").header("impersonate-user", "nobody"),
        post(MAPS, &map("x")).header("impersonate-user", "nobody"),
        merge(a.as_str(), &json!({})).header("impersonate-user", "nobody"),
        Request::new("DELETE", MAPS).header("impersonate-user", "nobody"),
        get(a.as_str()).header("x-remote-user", "admin"),
        get(format!("{a}?{}", "a=b&".repeat(2000))),
    ];
    all.push(get(a).header("accept-encoding", "gzip, br;q=1, x"));
    all
}
