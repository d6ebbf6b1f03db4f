use serde_json::json;

use super::{MAPS, WORKS, map, with, work};
use crate::request::{Request, delete, get, merge, post};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str =
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";

pub(super) fn requests() -> Vec<Request> {
    let labelled =
        |name: &str, of: &str| with(map(name), &json!({"metadata": {"labels": {"of": of}}}));
    let watch = |query: &str| get(format!("{MAPS}?watch=1&{query}"));
    vec![
        post(MAPS, &labelled("a", "left")),
        post(MAPS, &labelled("b", "right")),
        post(MAPS, &labelled("z", "none")),
        merge(format!("{MAPS}/a"), &json!({"data": {"y": "2"}})),
        merge(format!("{MAPS}/a"), &json!({"metadata": {"labels": {"of": "right"}}})),
        merge(format!("{MAPS}/b"), &json!({"metadata": {"labels": {"of": "left"}}})),
        delete(format!("{MAPS}/b")),
        post(WORKS, &work("w")),
        // What there is, and what has been.
        watch("timeoutSeconds=30").lines(2),
        watch("resourceVersion=0").lines(2),
        watch("resourceVersion=<rv z>").lines(4),
        watch("resourceVersion=<rv z>&labelSelector=of=left").lines(3),
        watch("resourceVersion=<rv z>&labelSelector=of=right").lines(2),
        watch("resourceVersion=<rv z>&fieldSelector=metadata.name=b").lines(2),
        get(format!("{MAPS}/a?watch=1&resourceVersion=<rv z>")).lines(2),
        get("/api/v1/watch/namespaces/<ns>/configmaps?resourceVersion=<rv z>").lines(4),
        get("/api/v1/watch/namespaces/<ns>/configmaps/a?resourceVersion=<rv z>").lines(2),
        // A list as a watch.
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true").lines(3),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0").lines(3),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=<rv z>").lines(3),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=of=none").lines(2),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=of=nothing").lines(1),
        watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1").lines(1),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1").lines(3),
        get(format!("{WORKS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")).lines(2),
        // What cannot be asked for.
        watch("sendInitialEvents=true"),
        watch("sendInitialEvents=true&resourceVersionMatch=Exact"),
        watch("resourceVersionMatch=NotOlderThan"),
        watch("resourceVersionMatch=x"),
        watch("resourceVersion=x"),
        watch("resourceVersion=-1"),
        watch("fieldSelector=spec.x=1"),
        watch("labelSelector=a%20in"),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x"),
        watch("timeoutSeconds=x"),
        watch("resourceVersion=999999999999&timeoutSeconds=1").lines(1),
        get("/api/v1/namespaces/<ns>/nothings?watch=1"),
        get("/api/v1/watch/nothings"),
        // In other forms.
        watch("resourceVersion=<rv z>").accept(TABLE).lines(4),
        watch("resourceVersion=<rv z>").accept(PARTIAL).lines(4),
        watch("resourceVersion=<rv z>&includeObject=None").accept(TABLE).lines(2),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true").accept(TABLE).lines(3),
        watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true").accept(PARTIAL).lines(3),
        get(format!("{WORKS}?watch=1")).accept(TABLE).lines(1),
        get(format!("{WORKS}?watch=1")).accept(PARTIAL).lines(1),
        watch("").accept("application/yaml"),
        watch("").accept("text/html"),
        watch("resourceVersion=<rv z>").accept("application/json;stream=watch").lines(1),
        watch("timeoutSeconds=1&resourceVersion=<rv a>").lines(9),
    ]
}
