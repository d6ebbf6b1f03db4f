//! Traces, as a collector gets them from a hub and an agent.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::hub::mute_api_server;
use crate::support::{GENEROUS, Process, TestHub, arg, until};

/// As much of OTLP's messages as is looked at.
mod otlp {
    #[derive(prost::Message)]
    pub(super) struct Request {
        #[prost(message, repeated, tag = "1")]
        pub(super) resources: Vec<Resource>,
    }

    #[derive(prost::Message)]
    pub(super) struct Resource {
        #[prost(message, optional, tag = "1")]
        pub(super) about: Option<About>,
        #[prost(message, repeated, tag = "2")]
        pub(super) scopes: Vec<Scope>,
    }

    #[derive(prost::Message)]
    pub(super) struct About {
        #[prost(message, repeated, tag = "1")]
        pub(super) attributes: Vec<Attribute>,
    }

    #[derive(prost::Message)]
    pub(super) struct Scope {
        #[prost(message, repeated, tag = "2")]
        pub(super) spans: Vec<Span>,
    }

    #[derive(Clone, prost::Message)]
    pub(super) struct Span {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) trace_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) span_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        pub(super) parent: Vec<u8>,
        #[prost(string, tag = "5")]
        pub(super) name: String,
        #[prost(fixed64, tag = "7")]
        pub(super) begun: u64,
        #[prost(fixed64, tag = "8")]
        pub(super) ended: u64,
        #[prost(message, repeated, tag = "9")]
        pub(super) attributes: Vec<Attribute>,
    }

    #[derive(Clone, prost::Message)]
    pub(super) struct Attribute {
        #[prost(string, tag = "1")]
        pub(super) key: String,
        #[prost(message, optional, tag = "2")]
        pub(super) value: Option<Value>,
    }

    #[derive(Clone, prost::Message)]
    pub(super) struct Value {
        #[prost(string, tag = "1")]
        pub(super) text: String,
    }
}

impl otlp::Span {
    fn attribute(&self, key: &str) -> &str {
        let attribute = self.attributes.iter().find(|a| a.key == key);
        &attribute.unwrap().value.as_ref().unwrap().text
    }
}

/// The spans that came, by name, each with whose it is.
type Spans = Arc<Mutex<HashMap<String, (String, otlp::Span)>>>;

/// A collector of traces that runs for as long as its tasks.
async fn collector(tasks: &mut JoinSet<()>) -> (String, Spans) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let spans = Spans::default();
    let into = spans.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let into = into.clone();
            let service = service_fn(move |request| collect(request, into.clone()));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(async {
                let _ = connection.await;
            });
        }
    });
    (url, spans)
}

async fn collect(
    request: Request<Incoming>,
    into: Spans,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    assert_eq!(request.uri().path(), "/v1/traces");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    for resource in otlp::Request::decode(body).unwrap().resources {
        let about = resource.about.unwrap();
        let name = about.attributes.iter().find(|a| a.key == "service.name");
        let service = name.unwrap().value.as_ref().unwrap().text.clone();
        for span in resource.scopes.into_iter().flat_map(|scope| scope.spans) {
            let named = (service.clone(), span.clone());
            into.lock().unwrap().insert(span.name, named);
        }
    }
    Ok(Response::new(Empty::new()))
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test]
async fn one_trace_leads_from_the_caller_to_the_target() {
    let mut tasks = JoinSet::new();
    let (url, spans) = collector(&mut tasks).await;
    let environment = |service: &'static str| {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_SERVICE_NAME", service),
        ]
    };
    let mut hub = TestHub::start_in(&[], &environment("the-hub")).await;
    let (api, kubeconfig) = mute_api_server(&hub).await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let args = [
        "agent",
        "--credentials",
        arg(&credentials),
        "--kubeconfig",
        arg(&kubeconfig),
        "--allow-impersonate",
        "system:masters",
    ];
    let mut agent = Process::start_with(&args, &environment("the-agent"));
    until("the agent's session", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;

    let client = hub.client(hub.administrator());
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let asked = client.get_traced("/clusters/edge-1/version", &parent);
    let answered = async {
        let (mut api, _) = timeout(GENEROUS, api.accept()).await.unwrap().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(timeout(GENEROUS, api.read_u8()).await.unwrap().unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
        api.write_all(answer).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let (status, head) = tokio::join!(asked, answered);
    assert_eq!(status, 200);
    // Its owner did not want this one collected.
    let unwanted = format!("00-{TRACE}-{CALLER}-00");
    client
        .get_traced("/clusters/edge-9/version", &unwanted)
        .await;

    // Both send what they still have at their end.
    for process in [&mut agent, hub.process()] {
        process.signal(Signal::TERM);
        assert_eq!(process.end().await, Some(0), "{}", process.stderr());
    }
    let spans = spans.lock().unwrap().clone();
    let mut names: Vec<_> = spans.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["exchange", "request", "stream"]);
    let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut above = CALLER.to_owned();
    for (name, service) in [
        ("request", "the-hub"),
        ("stream", "the-agent"),
        ("exchange", "the-agent"),
    ] {
        let (of, span) = &spans[name];
        assert_eq!(
            (of.as_str(), hex(&span.trace_id).as_str()),
            (service, TRACE)
        );
        assert_eq!(hex(&span.parent), above, "{name}");
        assert!(span.begun <= span.ended, "{name}");
        above = hex(&span.span_id);
    }
    let handed_on = format!("traceparent: 00-{TRACE}-{above}-01\r\n");
    assert!(head.contains(&handed_on), "{head}");
    let request = &spans["request"].1;
    assert_eq!(request.attribute("adit.cluster"), "edge-1");
    assert_eq!(request.attribute("http.response.status_code"), "200");
    assert_eq!(spans["stream"].1.attribute("adit.target"), "kube-apiserver");
}

#[tokio::test]
async fn a_collector_that_is_away_is_told_of_and_disturbs_nobody() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let mut hub = TestHub::start_in(&[], &environment).await;
    let client = hub.client(hub.administrator());
    let answer = client.get("/clusters/edge-9/version").await.unwrap();
    assert_eq!(answer.code, 404);
    until("the span is counted as dropped", async || {
        let metrics = client.get("/metrics").await.unwrap().body;
        metrics.contains("\nadit_spans_dropped_total 1\n")
    })
    .await;
    hub.process().signal(Signal::TERM);
    assert_eq!(hub.process().end().await, Some(0));
}
