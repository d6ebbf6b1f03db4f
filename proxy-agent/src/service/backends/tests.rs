use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::*;

/// What is known after the API server has listed these objects.
fn backends(service: Value, slices: &[Value]) -> Backends {
    let mut backends = Backends::default();
    let service: Service = serde_json::from_value(service).unwrap();
    for event in [Event::Init, Event::InitApply(service), Event::InitDone] {
        backends.services.take(event, ServiceView::of);
    }
    backends
        .slices
        .take(Event::<EndpointSlice>::Init, SliceView::of);
    for (index, slice) in slices.iter().enumerate() {
        let mut slice: EndpointSlice = serde_json::from_value(slice.clone()).unwrap();
        slice.metadata.name = Some(format!("web-{index}"));
        backends.slices.take(Event::InitApply(slice), SliceView::of);
    }
    backends
        .slices
        .take(Event::<EndpointSlice>::InitDone, SliceView::of);
    backends
}

fn service(ports: Value) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"ports": ports}})
}

fn slice(ports: Value, endpoints: Value) -> Value {
    json!({"metadata": {}, "addressType": "IPv4", "ports": ports, "endpoints": endpoints})
}

fn resolve(backends: &Backends, port: &str) -> Result<Vec<String>, Unresolved> {
    let (_, addresses) = backends.resolve(port).unwrap()?;
    Ok(addresses.iter().map(ToString::to_string).collect())
}

#[test]
fn a_port_is_found_by_number_and_by_name_and_leads_to_the_slices_of_its_name() {
    let ports = json!([
        {"name": "http", "port": 80, "targetPort": "web"},
        {"name": "metrics", "port": 9090},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]);
    let slices = [
        slice(
            json!([{"name": "http", "port": 8080}, {"name": "metrics", "port": 9100}]),
            json!([{"addresses": ["10.0.0.2"]}, {"addresses": ["10.0.0.1", "10.9.9.9"]}]),
        ),
        // Pods whose port of that name has another number have a slice of their own.
        slice(
            json!([{"name": "http", "port": 8081}]),
            json!([{"addresses": ["10.0.0.3"]}]),
        ),
        slice(
            json!([{"name": "http", "port": 8080}]),
            json!([{"addresses": ["2001:db8::1"]}]),
        ),
    ];
    let known = backends(service(ports), &slices);
    let web = [
        "10.0.0.1:8080",
        "10.0.0.2:8080",
        "10.0.0.3:8081",
        "[2001:db8::1]:8080",
    ];
    for port in ["80", "http"] {
        assert_eq!(resolve(&known, port).unwrap(), web, "{port}");
    }
    assert_eq!(
        resolve(&known, "9090").unwrap(),
        ["10.0.0.1:9100", "10.0.0.2:9100"]
    );
    for absent in ["8080", "web", "53", "dns", "", "080x"] {
        let error = Unresolved::NoPort(absent.to_owned());
        assert_eq!(resolve(&known, absent).unwrap_err(), error);
    }
}

#[test]
fn an_unnamed_port_leads_to_unnamed_ports() {
    let slices = [
        slice(
            json!([{"name": "", "port": 8080}]),
            json!([{"addresses": ["10.0.0.1"]}]),
        ),
        slice(
            json!([{"port": 8080}]),
            json!([{"addresses": ["10.0.0.2"]}]),
        ),
        slice(
            json!([{"name": "x", "port": 8080}]),
            json!([{"addresses": ["10.0.0.3"]}]),
        ),
        slice(
            json!([{"name": "", "port": 1, "protocol": "UDP"}]),
            json!([{"addresses": ["10.0.0.4"]}]),
        ),
        slice(json!([{"name": ""}]), json!([{"addresses": ["10.0.0.5"]}])),
    ];
    let known = backends(service(json!([{"port": 80}])), &slices);
    assert_eq!(
        resolve(&known, "80").unwrap(),
        ["10.0.0.1:8080", "10.0.0.2:8080"]
    );
}

#[test]
fn what_is_not_ready_gets_nothing_unless_it_is_all_there_is_and_still_serves() {
    let unready = json!({"addresses": ["10.0.0.1"], "conditions": {"ready": false}});
    let leaving = json!({
        "addresses": ["10.0.0.2"],
        "conditions": {"ready": false, "serving": true, "terminating": true},
    });
    let gone = json!({
        "addresses": ["10.0.0.3"],
        "conditions": {"ready": false, "serving": false, "terminating": true},
    });
    let ready = json!({"addresses": ["10.0.0.4"], "conditions": {"ready": true}});
    let unsaid = json!({"addresses": ["10.0.0.5"], "conditions": {}});
    let name = json!({"addresses": ["web.example.org"]});
    let http = json!([{"name": "", "port": 1}]);
    for (endpoints, expected) in [
        (
            json!([unready, leaving, gone, ready, unsaid, name]),
            vec!["10.0.0.4:1", "10.0.0.5:1"],
        ),
        (json!([unready, leaving, gone]), vec!["10.0.0.2:1"]),
        (json!([unready, gone]), vec![]),
    ] {
        let slices = [slice(http.clone(), endpoints)];
        let known = backends(service(json!([{"port": 80}])), &slices);
        assert_eq!(resolve(&known, "80").unwrap(), expected);
    }
}

#[test]
fn an_external_name_is_not_followed() {
    let external = json!({
        "metadata": {"name": "web"},
        "spec": {"type": "ExternalName", "externalName": "db.example.org", "ports": [{"port": 80}]},
    });
    let known = backends(external, &[]);
    assert_eq!(resolve(&known, "80").unwrap_err(), Unresolved::ExternalName);
}

#[test]
fn nothing_is_said_before_both_lists_are_complete_or_cannot_be_had() {
    let mut known = Backends::default();
    known.services.take(Event::<Service>::Init, ServiceView::of);
    known
        .services
        .take(Event::<Service>::InitDone, ServiceView::of);
    assert!(known.resolve("80").is_none());
    known.trouble = Some("forbidden".to_owned());
    let error = known.resolve("80").unwrap().unwrap_err();
    assert_eq!(error, Unresolved::Api("forbidden".to_owned()));
    known
        .slices
        .take(Event::<EndpointSlice>::InitDone, SliceView::of);
    assert_eq!(
        known.resolve("80").unwrap().unwrap_err(),
        Unresolved::Absent
    );
}

#[test]
fn what_was_known_stays_until_a_new_list_is_complete() {
    let http = json!([{"name": "", "port": 1}]);
    let old = [slice(http.clone(), json!([{"addresses": ["10.0.0.1"]}]))];
    let mut known = backends(service(json!([{"port": 80}])), &old);
    let new = slice(http, json!([{"addresses": ["10.0.0.2"]}]));
    let new: EndpointSlice = serde_json::from_value(new).unwrap();
    known
        .slices
        .take(Event::<EndpointSlice>::Init, SliceView::of);
    known.slices.take(Event::InitApply(new), SliceView::of);
    assert_eq!(resolve(&known, "80").unwrap(), ["10.0.0.1:1"]);
    known
        .slices
        .take(Event::<EndpointSlice>::InitDone, SliceView::of);
    assert_eq!(resolve(&known, "80").unwrap(), ["10.0.0.2:1"]);
}
