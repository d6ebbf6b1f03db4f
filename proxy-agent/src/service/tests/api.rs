//! As much of an API server as a watch of Services and their slices needs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ApiServer;

pub(super) struct FakeApi {
    url: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    state: Mutex<State>,
    /// Counts what happens.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// By kind and name.
    objects: BTreeMap<(&'static str, String), Value>,
    /// With the version at which each has happened.
    events: Vec<(u64, &'static str, Value)>,
    version: u64,
    /// Watches from before this version are told that they are too old.
    oldest: u64,
    /// Counts how often all watches were cut.
    cut: u64,
    forbidding: bool,
    lists: usize,
    watches: usize,
}

const SERVICES: &str = "services";
const SLICES: &str = "endpointslices";

type Body = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>;

impl FakeApi {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: watch::channel(0).0,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&shared)));
        Self {
            url,
            shared,
            _tasks: tasks,
        }
    }

    pub(super) fn server(&self) -> ApiServer {
        let config = kube::Config::new(self.url.parse().unwrap());
        ApiServer::from_kube_config(config).unwrap()
    }

    pub(super) fn put_service(&self, name: &str, ports: Value) {
        self.put(SERVICES, name, json!({"spec": {"ports": ports}}));
    }

    pub(super) fn put_slice(&self, name: &str, addresses: &[&str]) {
        self.put_named_slice(name, "", addresses);
    }

    pub(super) fn put_named_slice(&self, name: &str, port: &str, addresses: &[&str]) {
        let endpoints = addresses
            .iter()
            .map(|address| json!({"addresses": [address]}));
        let object = json!({
            "addressType": "IPv4",
            "ports": [{"name": port, "port": 8080}],
            "endpoints": endpoints.collect::<Vec<_>>(),
        });
        self.put(SLICES, name, object);
    }

    pub(super) fn delete_slice(&self, name: &str) {
        let mut state = self.shared.state();
        let object = state.objects.remove(&(SLICES, name.to_owned())).unwrap();
        state.happen(SLICES, "DELETED", object);
        drop(state);
        self.tell();
    }

    /// How many lists were asked for.
    pub(super) fn lists(&self) -> usize {
        self.shared.state().lists
    }

    /// Ends all watches; new ones go on from where they say.
    pub(super) fn cut_watches(&self) {
        self.shared.state().cut += 1;
        self.tell();
    }

    /// Ends all watches; new ones from before now are too old.
    pub(super) fn forget_history(&self) {
        let mut state = self.shared.state();
        state.version += 1;
        state.oldest = state.version;
        state.cut += 1;
        drop(state);
        self.tell();
    }

    pub(super) fn forbid(&self) {
        self.shared.state().forbidding = true;
    }

    /// Waits until there are as many watches.
    pub(super) async fn watches(&self, count: usize) {
        let settled = async {
            while self.shared.state().watches != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), settled).await.unwrap();
    }

    fn put(&self, kind: &'static str, name: &str, mut object: Value) {
        let mut state = self.shared.state();
        let version = (state.version + 1).to_string();
        object["metadata"] = json!({"name": name, "namespace": "shop", "resourceVersion": version});
        let key = (kind, name.to_owned());
        let what = match state.objects.insert(key, object.clone()) {
            Some(_) => "MODIFIED",
            None => "ADDED",
        };
        state.happen(kind, what, object);
        drop(state);
        self.tell();
    }

    fn tell(&self) {
        self.shared.changed.send_modify(|count| *count += 1);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn happen(&mut self, kind: &'static str, what: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let event = json!({"type": what, "object": object});
        self.events.push((self.version, kind, event));
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service =
                service_fn(async |request| Ok::<_, Infallible>(answer(&shared, &request)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            let _ = connection.await;
        });
    }
}

fn answer(shared: &Arc<Shared>, request: &Request<Incoming>) -> Response<Body> {
    let kind = match request.uri().path() {
        "/api/v1/namespaces/shop/services" => SERVICES,
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices" => SLICES,
        other => panic!("{other}"),
    };
    let query = request.uri().query().unwrap();
    let selector = match kind {
        SERVICES => "fieldSelector=metadata.name%3Dweb",
        _ => "labelSelector=kubernetes.io%2Fservice-name%3Dweb",
    };
    assert!(query.contains(selector), "{query}");
    let mut state = shared.state();
    if state.forbidding {
        let status = json!({"kind": "Status", "status": "Failure", "code": 403,
            "reason": "Forbidden", "message": "no"});
        let mut response = whole(&status);
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    }
    if query.contains("watch=true") {
        let from = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from = from.unwrap().parse().unwrap();
        state.watches += 1;
        return Response::new(StreamBody::new(Box::pin(watch(
            shared, kind, from, state.cut,
        ))));
    }
    state.lists += 1;
    let items = state.objects.iter().filter(|((of, _), _)| *of == kind);
    let items: Vec<&Value> = items.map(|(_, object)| object).collect();
    let version = state.version.to_string();
    whole(&json!({"metadata": {"resourceVersion": version}, "items": items}))
}

fn whole(value: &Value) -> Response<Body> {
    let frame = Frame::data(Bytes::from(value.to_string()));
    Response::new(StreamBody::new(Box::pin(stream::iter([Ok(frame)]))))
}

/// One counted watch; dropped, it is none.
struct Watching(Arc<Shared>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.state().watches -= 1;
    }
}

fn watch(
    shared: &Arc<Shared>,
    kind: &'static str,
    from: u64,
    cut: u64,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + use<> {
    let changed = shared.changed.subscribe();
    let watching = Watching(Arc::clone(shared));
    let lines = stream::unfold(
        (watching, changed, from),
        move |(watching, mut changed, from)| async move {
            loop {
                let (lines, version) = {
                    let state = watching.0.state();
                    if state.cut != cut {
                        return None;
                    }
                    (lines(&state, kind, from), state.version)
                };
                if !lines.is_empty() {
                    return Some((lines, (watching, changed, version)));
                }
                changed.changed().await.ok()?;
            }
        },
    );
    lines.map(|lines| Ok(Frame::data(Bytes::from(lines))))
}

/// What has happened since a version, one event a line.
fn lines(state: &State, kind: &str, from: u64) -> String {
    if from < state.oldest {
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "status": "Failure",
            "code": 410, "reason": "Expired", "message": "too old"}});
        return format!("{gone}\n");
    }
    let new = state
        .events
        .iter()
        .filter(|(at, of, _)| *at > from && *of == kind);
    new.map(|(_, _, event)| format!("{event}\n")).collect()
}
