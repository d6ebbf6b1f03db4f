//! Sends the same requests to both servers, in turn, and compares.

use std::fmt::Write as _;

use serde_json::json;
use tests::wait::{GENEROUS, once, until};
use tokio::time::{Duration, Instant, sleep};

use crate::known::Known;
use crate::request::{Request, get, merge, post};
use crate::server::Server;
use crate::told::{Told, differences};

/// Both servers.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) ours: Server,
    pub(crate) real: Server,
}

/// What becomes of a script when the two servers have other objects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parting {
    Ends,
    GoesOn,
}

/// What came of a script.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What nobody expects, in words; empty if all is well.
    pub(crate) unexpected: String,
    /// How many answers nobody expects.
    pub(crate) count: usize,
    /// At which request that was first.
    pub(crate) at: Option<usize>,
    /// The names of the known differences that were met.
    pub(crate) known: Vec<&'static str>,
}

impl Pair {
    /// Another pair of connections to the same servers.
    pub(crate) fn another(&self) -> Self {
        Self {
            ours: self.ours.another(),
            real: self.real.another(),
        }
    }

    /// Makes a namespace in both and waits until pods may be made in it.
    pub(crate) async fn make_namespace(&mut self, name: &str) {
        let namespace = json!({"metadata": {"name": name}});
        let create = post("/api/v1/namespaces", &namespace);
        let account = get(format!("/api/v1/namespaces/{name}/serviceaccounts/default"));
        let make = async |server: &mut Server| {
            server.send(&create, name).await.expect("an answer");
            let there = async || {
                let answer = server.send(&account, name).await.expect("an answer");
                once(answer.status == 200)
            };
            until("the service account", GENEROUS, there)
                .await
                .expect("an account");
        };
        tokio::join!(make(&mut self.ours), make(&mut self.real));
    }

    /// Has pods of a namespace made without the volume of their account's token.
    pub(crate) async fn give_pods_no_token(&mut self, namespace: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        let change = merge(path, &json!({"automountServiceAccountToken": false}));
        self.send(namespace, &change).await;
    }

    /// Sends the requests, to both at once but one after the other; `parting`
    /// is whether it goes on when a known difference has left the two with
    /// other objects.
    pub(crate) async fn run(
        &mut self,
        namespace: &str,
        requests: &[Request],
        parting: Parting,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        for (at, request) in requests.iter().enumerate() {
            let begun = Instant::now();
            let (ours, real, parted) = loop {
                let (ours, real) = self.both(namespace, request).await;
                let done = |told: &Told| (200..300).contains(&told.status);
                let parted = request.method != "GET" && done(&ours) != done(&real);
                let (mut left, mut right) = (ours.clone(), real.clone());
                let met = Known::reconcile(request, &mut left, &mut right);
                if left == right {
                    outcome.known.extend(met);
                }
                let settles = request.settles || request.may_be_old();
                if left == right || !settles || begun.elapsed() > SETTLED {
                    break (left, right, parted);
                }
                sleep(Duration::from_millis(50)).await;
            };
            if parted && parting == Parting::Ends && ours == real {
                break;
            }
            if ours != real {
                outcome.count += 1;
                outcome.at.get_or_insert(at);
                let _ = writeln!(
                    outcome.unexpected,
                    "==== request {at}: {}\n{}",
                    request.shown(),
                    differences(&ours, &real)
                );
            }
        }
        outcome
    }

    /// Sends a request to both, and does not look at what they say.
    pub(crate) async fn send(&mut self, namespace: &str, request: &Request) {
        let (ours, real) = (&mut self.ours, &mut self.real);
        let both = tokio::join!(ours.send(request, namespace), real.send(request, namespace));
        drop(both);
    }

    async fn both(&mut self, namespace: &str, request: &Request) -> (Told, Told) {
        let (ours, real) = tokio::join!(
            self.ours.send(request, namespace),
            self.real.send(request, namespace)
        );
        let told = |answer: anyhow::Result<_>, memory: &mut _| match answer {
            Ok(answer) => Told::of(request, &answer, memory),
            // It has hung up, or panicked.
            Err(error) => Told::nothing(&format!("{error:#}")),
        };
        (
            told(ours, &mut self.ours.memory),
            told(real, &mut self.real.memory),
        )
    }
}

/// How long a controller may take.
const SETTLED: Duration = GENEROUS;
