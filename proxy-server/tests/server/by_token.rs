//! Sessions of agents that show a token.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use proto::{AgentIdentity, Credential, SessionKey};
use proxy_server::{
    Caller, CallerIdentity, HubTargets, NotAdmitted, ReviewError, ReviewedToken, ServeError,
};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use tunnel::{CloseReason, IncomingStream};

use crate::hub::{Agent, Hub, LONG};

/// Takes `CLUSTER/AGENT/MILLISECONDS` for a token that is good for so long from
/// the first time that it is shown.
struct Reviews(SystemTime);

impl HubTargets for Reviews {
    fn admit<'a>(&'a self, _: &'a Credential) -> BoxFuture<'a, Result<String, NotAdmitted>> {
        Box::pin(async { Err(NotAdmitted("nobody joins here".to_owned())) })
    }

    fn review<'a>(
        &'a self,
        token: &'a Credential,
    ) -> BoxFuture<'a, Result<ReviewedToken, ReviewError>> {
        Box::pin(async move {
            let refused = || ReviewError::Refused("the token is unknown".to_owned());
            let mut parts = token.expose().split('/');
            let mut next = || parts.next().ok_or_else(refused);
            Ok(ReviewedToken {
                identity: AgentIdentity {
                    cluster: next()?.parse().unwrap(),
                    agent: next()?.parse().unwrap(),
                },
                not_after: self.0 + Duration::from_millis(next()?.parse().unwrap()),
            })
        })
    }

    fn serve(&self, stream: IncomingStream, caller: Caller) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let CallerIdentity::Token(token) = caller.identity else {
                panic!("it has shown a token");
            };
            let mut stream = stream.accept().unwrap();
            let reviewed = ReviewedToken {
                identity: token.identity().clone(),
                not_after: SystemTime::now() + LONG,
            };
            token
                .renew(Credential::new("next").unwrap(), &reviewed)
                .unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
    }
}

fn hub() -> Hub {
    Hub::with_targets(["edge-7", "edge-8"], Arc::new(Reviews(SystemTime::now())))
}

async fn closed(agent: &mut Agent) -> CloseReason {
    timeout(LONG, agent.tasks.join_next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_session_by_token_is_its_agents_until_the_tokens_time_is_over() {
    let mut hub = hub();
    let mut agent = hub.by_token(Some("edge-7/a/1500"), None).await;
    hub.until(|sessions| sessions == 1).await;
    let session = hub.server.sessions().remove(0);
    assert_eq!(
        (session.cluster.as_str(), session.agent.as_str()),
        ("edge-7", "a")
    );
    assert_eq!(session.serial, "");
    assert!(!hub.server.is_connected(&hub.cluster("edge-8")));
    let why = closed(&mut agent).await.to_string();
    assert!(why.contains("expired"), "{why}");
    hub.until(|sessions| sessions == 0).await;
}

#[tokio::test]
async fn whoever_shows_no_token_that_is_good_is_in_no_registry_and_is_told_why() {
    let mut hub = hub();
    for (token, why) in [
        (None, "needs a token"),
        (Some("unknown"), "unknown"),
        (Some("edge-7/a/0"), "expired"),
        (Some("edge-9/a/9000"), "not known to this hub"),
    ] {
        let mut agent = hub.by_token(token, None).await;
        let told = closed(&mut agent).await.to_string();
        assert!(told.contains(why), "{token:?}: {told}");
        assert!(matches!(
            hub.ended().await,
            Err(ServeError::Review(_) | ServeError::Admission(_))
        ));
        assert!(hub.server.sessions().is_empty());
    }
}

#[tokio::test]
async fn links_of_a_session_go_by_the_token_that_ends_last() {
    let mut hub = hub();
    let key = Some(SessionKey::random(&mut rand::rng()));
    let mut first = hub.by_token(Some("edge-7/a/1000"), key).await;
    hub.until_links(1).await;
    let _second = hub.by_token(Some("edge-7/a/600000"), key).await;
    hub.until_links(2).await;
    assert_eq!(hub.server.sessions().len(), 1);
    let ends = timeout(Duration::from_secs(2), first.tasks.join_next());
    assert!(ends.await.is_err(), "the first link goes on");
}

#[tokio::test]
async fn a_session_that_is_told_of_another_token_goes_on() {
    let mut hub = hub();
    let mut agent = hub.by_token(Some("edge-7/a/1000"), None).await;
    hub.until_links(1).await;
    let header = proto::StreamHeader::new(proto::Target::HubApi);
    let opening = agent.session.open(header).await.unwrap();
    let _stream = opening.opened().await.unwrap();
    let ends = timeout(Duration::from_secs(2), agent.tasks.join_next());
    assert!(ends.await.is_err());
    assert_eq!(hub.server.sessions().len(), 1);
}
