use proto::{Refusal, RefusalReason, StreamHeader, Target};
use tokio::task::JoinSet;
use tunnel::{Driver, Incoming, IncomingStream, Link, Stream};

/// Streams that this end opens.
const DIALS: usize = 4;

/// Uses a session as an application does until it is over.
///
/// Everything that hung on it ends with it: reads and writes return, and no
/// stream is left over.
pub(crate) async fn use_session(parts: (Link, Incoming, Driver)) {
    let (session, incoming, driver) = parts;
    let mut dials = JoinSet::new();
    for nth in 0..DIALS {
        dials.spawn(dial(session.clone(), nth));
    }
    let taking = take(incoming);
    let dialling = join(&mut dials);
    let (reason, (), ()) = tokio::join!(driver, taking, dialling);
    assert_eq!(session.closed().await, reason);
    assert_eq!(session.stats().open_streams, 0, "streams are left over");
    let after = session.open(StreamHeader::new(Target::KubeApiserver)).await;
    assert!(after.is_err(), "a stream opens on a session that is over");
}

async fn take(mut incoming: Incoming) {
    let mut served = JoinSet::new();
    while let Some(stream) = incoming.next().await {
        served.spawn(serve(stream));
    }
    join(&mut served).await;
}

async fn join(tasks: &mut JoinSet<()>) {
    while let Some(end) = tasks.join_next().await {
        end.expect("no stream makes its user panic");
    }
}

/// Each kind of target stands for one way to treat a stream.
async fn serve(incoming: IncomingStream) {
    match incoming.header().target {
        Target::HubApi => incoming.refuse(Refusal::new(RefusalReason::Unsupported, "no")),
        Target::Service { .. } => drop(incoming),
        Target::Tcp { .. } => {
            if let Ok(stream) = incoming.accept() {
                echo(stream).await;
            }
        }
        Target::KubeApiserver | _ => {
            if let Ok(stream) = incoming.accept() {
                exchange(stream).await;
            }
        }
    }
}

async fn dial(session: Link, nth: usize) {
    let header = StreamHeader::new(Target::KubeApiserver);
    let Ok(opening) = session.open(header).await else {
        return;
    };
    match nth % 3 {
        0 => {
            let (stream, answer) = opening.early();
            exchange(stream).await;
            // Reading to the end, whichever, has settled it.
            let _ = answer.await;
        }
        1 => {
            if let Ok(stream) = opening.opened().await {
                echo(stream).await;
            }
        }
        _ => drop(opening),
    }
}

/// Gives back what comes. Errors are the peer's doing.
async fn echo(stream: Stream) {
    let (mut read, mut write) = stream.into_split();
    while let Ok(Some(chunk)) = read.chunk().await {
        if write.write_chunk(chunk).await.is_err() {
            return;
        }
    }
    let _ = write.finish();
}

/// Says something, finishes, and reads to the end. Errors are the peer's doing.
async fn exchange(stream: Stream) {
    let (mut read, mut write) = stream.into_split();
    let said = async {
        write.write_chunk("GET / HTTP/1.1\r\n\r\n".into()).await?;
        write.finish()
    };
    let heard = async { while let Ok(Some(_)) = read.chunk().await {} };
    let (_, ()) = tokio::join!(said, heard);
}
