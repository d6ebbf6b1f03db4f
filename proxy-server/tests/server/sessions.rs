//! What the hub's end does with agents, whatever carries their bytes.

use proto::{Refusal, RefusalReason, StreamHeader, Target};
use proxy_server::{AgentCertificate, DialError, DialOutcome, ServeError, TargetKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tunnel::{CloseReason, HandshakeError, OpenError, StreamError};

use crate::hub::{DEADLINE, Hub, LONG, certificate, subject};

#[tokio::test(start_paused = true)]
async fn a_dial_reaches_the_agent_and_carries_its_target() {
    let mut hub = Hub::new(["edge-7"]);
    let mut agent = hub.agent("edge-7", "a").await;
    let target = Target::Tcp {
        host: "10.0.0.1".to_owned(),
        port: 80,
    };
    let cluster = hub.cluster("edge-7");
    let dial = hub.server.dial(&cluster, target.clone(), DEADLINE);
    let (stream, taken) = tokio::join!(dial, async {
        let incoming = agent.incoming.next().await.unwrap();
        assert_eq!(incoming.header().target, target);
        assert_eq!(incoming.header().deadline, Some(DEADLINE));
        incoming.accept().unwrap()
    });
    let (mut near, mut far) = (stream.unwrap(), taken);
    near.write_all(b"ping").await.unwrap();
    far.read_exact(&mut [0; 4]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn unknown_and_unconnected_clusters_are_told_apart() {
    let hub = Hub::new(["edge-7"]);
    let header = || StreamHeader::new(Target::KubeApiserver);
    let error = hub
        .server
        .open(&hub.cluster("edge-7"), header())
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::NotConnected { .. }), "{error:?}");
    let error = hub
        .server
        .open(&hub.cluster("edge-8"), header())
        .await
        .unwrap_err();
    assert!(
        matches!(error, DialError::UnknownCluster { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_costs_the_deadline_and_no_more() {
    let mut hub = Hub::new(["edge-7"]);
    let _agent = hub.agent("edge-7", "a").await;
    let error = hub
        .server
        .dial(&hub.cluster("edge-7"), Target::KubeApiserver, DEADLINE)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            DialError::TimedOut {
                after: DEADLINE,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_agent_and_its_reason() {
    let mut hub = Hub::new(["edge-7"]);
    let mut agent = hub.agent("edge-7", "a").await;
    let cluster = hub.cluster("edge-7");
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let refusal = Refusal::new(RefusalReason::Forbidden, "not on the list");
    let (error, ()) = tokio::join!(dial, async {
        agent.incoming.next().await.unwrap().refuse(refusal.clone());
    });
    let DialError::Open { agent, source, .. } = error.unwrap_err() else {
        panic!("not refused by the agent");
    };
    assert_eq!(agent.as_str(), "a");
    assert_eq!(source, OpenError::Stream(StreamError::Refused(refusal)));
}

#[tokio::test(start_paused = true)]
async fn several_agents_of_a_cluster_share_the_load() {
    let mut hub = Hub::new(["edge-7"]);
    let mut a = hub.agent("edge-7", "a").await;
    let mut b = hub.agent("edge-7", "b").await;
    let mut dialled = Vec::new();
    for _ in 0..10 {
        let header = StreamHeader::new(Target::KubeApiserver);
        dialled.push(
            hub.server
                .open(&hub.cluster("edge-7"), header)
                .await
                .unwrap(),
        );
    }
    let by_a = dialled.iter().filter(|d| d.agent.as_str() == "a").count();
    assert_eq!(by_a, 5);
    // One agent's end loses its own streams only.
    let taken = b.incoming.next().await.unwrap();
    drop(a.tasks);
    while a.incoming.next().await.is_some() {}
    hub.until(|sessions| sessions == 1).await;
    let header = StreamHeader::new(Target::KubeApiserver);
    let next = hub
        .server
        .open(&hub.cluster("edge-7"), header)
        .await
        .unwrap();
    assert_eq!(next.agent.as_str(), "b");
    taken.accept().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_newest_session_of_an_agent_wins_and_the_older_ones_end_removes_nothing() {
    let mut hub = Hub::new(["edge-7"]);
    let older = hub.agent("edge-7", "a").await;
    let first = hub.server.sessions()[0].id;
    let mut newer = hub.agent("edge-7", "a").await;
    timeout(LONG, older.session.closed()).await.unwrap();
    assert!(matches!(
        hub.ended().await,
        Err(ServeError::Session(CloseReason::Superseded))
    ));
    let sessions = hub.server.sessions();
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].id > first);
    let cluster = hub.cluster("edge-7");
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let (stream, taken) = tokio::join!(dial, async {
        newer.incoming.next().await.unwrap().accept()
    });
    stream.unwrap();
    taken.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_draining_session_ends_its_streams_beside_the_agents_next_one() {
    let mut hub = Hub::new(["edge-7"]);
    let mut older = hub.agent("edge-7", "a").await;
    let cluster = hub.cluster("edge-7");
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let (stream, taken) = tokio::join!(dial, async {
        older.incoming.next().await.unwrap().accept()
    });
    let (mut near, mut far) = (stream.unwrap(), taken.unwrap());
    older.session.drain(LONG);
    let mut newer = hub.agent("edge-7", "a").await;
    far.write_all(b"still here").await.unwrap();
    near.read_exact(&mut [0; 10]).await.unwrap();
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let (stream, taken) = tokio::join!(dial, async {
        newer.incoming.next().await.unwrap().accept()
    });
    drop((stream.unwrap(), taken.unwrap()));
    // A draining session is revoked like any other.
    for session in hub.server.sessions() {
        hub.known.revoked.lock().unwrap().insert(session.serial);
    }
    hub.server.recheck();
    assert!(near.read_u8().await.is_err());
    hub.until(|sessions| sessions == 0).await;
}

#[tokio::test(start_paused = true)]
async fn revoking_a_certificate_ends_its_session_and_refuses_the_next() {
    let mut hub = Hub::new(["edge-7", "edge-8"]);
    let revoked = hub.agent("edge-7", "a").await;
    let other = hub.agent("edge-8", "a").await;
    hub.known
        .revoked
        .lock()
        .unwrap()
        .insert(hub.server.sessions()[0].serial.clone());
    hub.server.recheck();
    timeout(LONG, revoked.session.closed()).await.unwrap();
    assert!(matches!(
        hub.ended().await,
        Err(ServeError::Session(CloseReason::Revoked))
    ));
    assert!(other.session.takes_streams());
    let certificate = certificate("edge-7", "a");
    let serial = AgentCertificate::from_der(&certificate).unwrap().serial;
    hub.known.revoked.lock().unwrap().insert(serial);
    let error = hub.connect(Some(certificate)).await.unwrap_err();
    assert!(matches!(&error, HandshakeError::Rejected { message } if message.contains("revoked")));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_no_agent_of_a_known_cluster_is_told_why() {
    let mut hub = Hub::new(["edge-7"]);
    let user = subject("alice", &["system:masters"]);
    let both = subject(
        "system:open-cluster-management:edge-7:a",
        &["system:open-cluster-management:edge-7", "system:masters"],
    );
    for (certificate, expected) in [
        (None, "no certificate"),
        (Some(user), "not an agent's"),
        (Some(both), "not an agent's"),
        (Some(certificate("edge-8", "a")), "not known to this hub"),
        (Some(vec![1, 2, 3]), "cannot be read"),
    ] {
        let error = hub.connect(certificate).await.unwrap_err();
        assert!(
            matches!(&error, HandshakeError::Rejected { message } if message.contains(expected)),
            "{error}"
        );
        assert!(hub.ended().await.is_err());
    }
    assert!(hub.server.sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_hub_says_so_and_keeps_the_sessions_it_has() {
    let mut hub = Hub::with_limit(["edge-7"], 2);
    let a = hub.agent("edge-7", "a").await;
    let _b = hub.agent("edge-7", "b").await;
    let error = hub
        .connect(Some(certificate("edge-7", "c")))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HandshakeError::Rejected { message } if message.contains("2 sessions"))
    );
    assert!(a.session.takes_streams());
    assert_eq!(hub.server.sessions().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_draining_hub_lets_streams_end_and_takes_no_new_agents() {
    let mut hub = Hub::new(["edge-7"]);
    let mut agent = hub.agent("edge-7", "a").await;
    let cluster = hub.cluster("edge-7");
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let (stream, taken) = tokio::join!(dial, async {
        agent.incoming.next().await.unwrap().accept()
    });
    let (mut near, mut far) = (stream.unwrap(), taken.unwrap());
    let server = hub.server.clone();
    hub.tasks.spawn(async move {
        server.drain(LONG).await;
        Ok(())
    });
    agent.session.draining().await;
    let error = hub
        .connect(Some(certificate("edge-7", "b")))
        .await
        .unwrap_err();
    assert!(matches!(&error, HandshakeError::Rejected { message } if message.contains("draining")));
    let header = StreamHeader::new(Target::KubeApiserver);
    let error = hub
        .server
        .open(&hub.cluster("edge-7"), header)
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::NotConnected { .. }), "{error:?}");
    far.write_all(b"done").await.unwrap();
    far.shutdown().await.unwrap();
    near.shutdown().await.unwrap();
    let mut all = Vec::new();
    near.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"done");
    drop((near, far));
    timeout(LONG / 2, agent.session.closed()).await.unwrap();
    hub.until(|sessions| sessions == 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_agents_own_streams_are_refused_by_name() {
    let mut hub = Hub::new(["edge-7"]);
    let agent = hub.agent("edge-7", "a").await;
    let opening = agent
        .session
        .open(StreamHeader::new(Target::HubApi))
        .await
        .unwrap();
    let error = opening.opened().await.unwrap_err();
    let OpenError::Stream(StreamError::Refused(refusal)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.reason, RefusalReason::Unsupported);
    assert!(refusal.message.contains("hub-api"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn what_became_of_each_dial_is_counted_once() {
    let mut hub = Hub::new(["edge-7"]);
    let cluster = hub.cluster("edge-7");
    let count = |hub: &Hub, outcome| {
        hub.server
            .counters()
            .dials(TargetKind::KubeApiserver, outcome)
    };
    let header = || StreamHeader::new(Target::KubeApiserver);
    hub.server.open(&cluster, header()).await.unwrap_err();
    assert_eq!(count(&hub, DialOutcome::NotConnected), 1);
    let mut agent = hub.agent("edge-7", "a").await;
    drop(hub.server.open(&cluster, header()).await.unwrap());
    assert_eq!(count(&hub, DialOutcome::Abandoned), 1);
    let dial = hub.server.dial(&cluster, Target::KubeApiserver, DEADLINE);
    let (stream, _taken) = tokio::join!(dial, async {
        // The one that was given up may come first.
        loop {
            if let Ok(stream) = agent.incoming.next().await.unwrap().accept() {
                return stream;
            }
        }
    });
    stream.unwrap();
    assert_eq!(count(&hub, DialOutcome::Opened), 1);
    let latency = hub
        .server
        .counters()
        .dial_latency(TargetKind::KubeApiserver);
    assert_eq!(latency.snapshot().count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hub_is_silent_if_it_hears_nothing_from_any_of_its_sessions() {
    let mut hub = Hub::without_pings(["edge-7"]);
    let limit = std::time::Duration::from_secs(20);
    assert!(!hub.server.is_silent(limit), "there is no session");
    let _agent = hub.agent("edge-7", "a").await;
    assert!(!hub.server.is_silent(limit));
    tokio::time::sleep(limit * 2).await;
    assert!(hub.server.is_silent(limit));
}
