use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use futures_util::FutureExt as _;
use store::{Embedded, Options, Revision};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;

const NAMESPACE: &str = "kube-system";

/// A client of an API server, which runs as one of the tasks.
async fn server(tasks: &mut JoinSet<()>) -> Client {
    let store = Embedded::in_memory(Revision(1), Options::default());
    let keys = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
    let (server, driver) = ApiServer::start(Config {
        store: Arc::new(store.await.unwrap()),
        registry: Arc::new(Registry::new(Arc::new(api::all()))),
        service_accounts: Arc::new(ServiceAccountTokens::new("https://hub", Vec::new(), keys)),
        tokens: Vec::new(),
        answers: Answers::default(),
        in_flight: InFlightLimits::default(),
        signer: None,
        audit: None,
        root_ca: None,
    })
    .await
    .unwrap();
    tasks.spawn(driver.run_without_controllers());
    server.client(User::new("hub", [User::MASTERS.to_owned()]))
}

/// Leads until told to stop, and tells of each term's beginning and end.
fn lead(
    client: &Client,
    name: &'static str,
    stop: &CancellationToken,
    told: &mpsc::Sender<(&'static str, bool)>,
    tasks: &mut JoinSet<()>,
) {
    let leader = Leader::new(client.clone(), NAMESPACE);
    let (stop, told) = (stop.clone(), told.clone());
    tasks.spawn(async move {
        let work = |term: CancellationToken| {
            let told = told.clone();
            let work = async move {
                told.send((name, true)).await.unwrap();
                term.cancelled().await;
                told.send((name, false)).await.unwrap();
            };
            work.boxed()
        };
        Box::pin(leader.lead(stop, work)).await;
    });
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), what)
        .await
        .expect("in time")
}

#[tokio::test]
async fn one_process_works_and_the_next_takes_over_when_it_stops() {
    let mut tasks = JoinSet::new();
    let client = server(&mut tasks).await;
    let (told, mut turns) = mpsc::channel(8);
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    lead(&client, "first", &first, &told, &mut tasks);
    assert_eq!(within(turns.recv()).await, Some(("first", true)));
    lead(&client, "second", &second, &told, &mut tasks);
    // Only then does the other look at it, and sees that it is held.
    sleep(PAUSE).await;
    assert!(turns.try_recv().is_err(), "one works at a time");
    first.cancel();
    assert_eq!(within(turns.recv()).await, Some(("first", false)));
    assert_eq!(within(turns.recv()).await, Some(("second", true)));
    second.cancel();
    assert_eq!(within(turns.recv()).await, Some(("second", false)));
}

#[tokio::test]
async fn whoever_has_lost_the_lease_works_no_more() {
    let mut tasks = JoinSet::new();
    let client = server(&mut tasks).await;
    let leader = Leader::new(client.clone(), NAMESPACE);
    let leases: Api<Lease> = Api::namespaced(client, NAMESPACE);
    let working = Arc::new(AtomicUsize::new(0));
    let counted = working.clone();
    let (told, mut began) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tasks.spawn(async move {
        let work = |_: CancellationToken| {
            let (told, counted) = (told.clone(), counted.clone());
            let work = async move {
                let _works = Counted::new(counted);
                told.send(()).await.unwrap();
                // It does not heed its end; then it is dropped.
                std::future::pending::<()>().await;
            };
            work.boxed()
        };
        Box::pin(leader.lead(stopped, work)).await;
    });
    within(began.recv()).await.unwrap();
    assert_eq!(working.load(Ordering::SeqCst), 1);
    let stolen = within(async {
        loop {
            let mut lease = leases.get(NAME).await.unwrap();
            lease.spec.as_mut().unwrap().holder_identity = Some("another".to_owned());
            let params = PostParams::default();
            if leases.replace(NAME, &params, &lease).await.is_ok() {
                return lease;
            }
        }
    });
    Box::pin(stolen).await;
    within(async {
        while working.load(Ordering::SeqCst) > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    stop.cancel();
}

#[test]
fn a_lease_is_free_when_nobody_renews_it() {
    let lease = |holder: &str, seconds| Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(seconds),
            ..LeaseSpec::default()
        }),
        ..Lease::default()
    };
    let soon = Duration::from_secs(1);
    let late = Duration::from_secs(16);
    assert!(!is_free(&lease("another", 15), "me", soon));
    assert!(is_free(&lease("another", 15), "me", late));
    assert!(!is_free(&lease("another", 30), "me", late));
    assert!(is_free(&lease("me", 15), "me", soon));
    assert!(is_free(&lease("", 15), "me", soon));
}

/// Counts for as long as it is there.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(of: Arc<AtomicUsize>) -> Self {
        of.fetch_add(1, Ordering::SeqCst);
        Self(of)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
