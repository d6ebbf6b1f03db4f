//! Connections of listeners that are bound to one cluster and target.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use proto::ClusterName;
use proxy_server::Answer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tunnel::StreamError;

use crate::access_log::{Completeness, EndedBy, Record};
use crate::failure::Failures;
use crate::forward::ANSWER_GRACE;
use crate::splice::{SpliceError, splice};
use crate::status::Status;
use crate::{DialTarget, Gateway};

/// What a listener is bound to. Whoever can connect to it has that target:
/// nobody is asked who he is.
#[derive(Clone, Debug)]
pub struct Forward {
    /// The listener's name in the access log, where a user's would stand; its
    /// streams count as one user's.
    pub name: String,
    /// The managed cluster.
    pub cluster: ClusterName,
    /// What is reached there.
    pub target: DialTarget,
}

/// How a forwarded connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a connection that was cut is to be reset"]
pub enum ForwardEnd {
    /// Both directions have been ended and passed on.
    Clean,
    /// The target was not reached, or something broke on the way: the client
    /// must not take what it has got for all there was.
    Cut,
}

/// Why a connection was cut.
enum Failure {
    NotReached(Status),
    Spliced(SpliceError),
}

impl Gateway {
    /// Takes one connection of a listener to its target, until it has ended.
    ///
    /// What the client sends goes on before the agent has answered. The
    /// connection is logged as a CONNECT at its end. Dropped, it is cut; a
    /// connection that was cut is for the caller to reset.
    pub async fn forward(
        &self,
        client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        forward: &Forward,
    ) -> ForwardEnd {
        let mut record = Record::begin(
            self.counters(),
            &Method::CONNECT,
            &forward.target.to_string(),
            None,
        );
        record.set_user(&forward.name);
        record.set_cluster(&forward.cluster);
        let error = match Box::pin(self.forward_recorded(client, forward, &mut record)).await {
            Ok(()) => return ForwardEnd::Clean,
            Err(Failure::NotReached(status)) => {
                record.set_status(status.code());
                record.set_end(EndedBy::from(status.place()), Completeness::Cut);
                status.to_string()
            }
            Err(Failure::Spliced(error)) => error.to_string(),
        };
        let Forward {
            name,
            cluster,
            target,
        } = forward;
        tracing::debug!(id = %record.id(), name, %cluster, %target, error, "a forwarded connection was cut");
        ForwardEnd::Cut
    }

    async fn forward_recorded(
        &self,
        client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        forward: &Forward,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let failures = Failures {
            cluster: &forward.cluster,
            config: self.config(),
            target: &forward.target.to_stream_target(),
        };
        let _place = self.place(&forward.name).map_err(Failure::NotReached)?;
        let header = self.stream_header(&forward.target, None);
        record.set_reached(header.target.to_string(), None);
        let dialled = self.proxy_server().open(&forward.cluster, header).await;
        let dialled = dialled.map_err(|error| Failure::NotReached(failures.dial(&error)))?;
        record.set_agent(dialled.agent);
        dialled.stream.set_user(&forward.name);
        record.set_status(StatusCode::OK);
        let patience = self.config().dial_timeout;
        let limits = self.tcp_limits();
        let spliced = tokio::select! {
            biased;
            spliced = splice(client, dialled.stream, Bytes::new(), limits, self.stop(), record) => spliced,
            () = unanswered(dialled.answer, patience) => {
                return Err(Failure::NotReached(failures.no_answer(patience)));
            }
        };
        match spliced {
            Err(SpliceError::Stream(StreamError::Refused(refusal))) => {
                Err(Failure::NotReached(failures.refused(&refusal)))
            }
            spliced => spliced.map_err(Failure::Spliced),
        }
    }
}

/// Waits until the agent is late with its answer; for ever if it has come.
async fn unanswered(answer: Answer, patience: Duration) {
    if timeout(patience + ANSWER_GRACE, answer).await.is_ok() {
        std::future::pending().await
    }
}
