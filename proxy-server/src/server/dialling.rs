//! Streams to targets in clusters.

use std::sync::Arc;
use std::time::Duration;

use proto::{AgentName, ClusterName, StreamHeader, Target};
use tokio::time::timeout;
use tunnel::{OpenError, Opening, Stream};

use super::ProxyServer;
use crate::answer::Dial;
use crate::{Answer, DialError, DialOutcome};

/// A stream on its way to a target, to be written at once.
#[derive(Debug)]
pub struct Dialled {
    /// The agent that was asked.
    pub agent: AgentName,
    /// Resolves when the agent has answered; somebody has to read the stream.
    pub answer: Answer,
    /// The stream. Reading waits for the answer.
    pub stream: Stream,
}

/// A stream to a target that an agent has reached.
#[derive(Debug)]
pub struct Reached {
    /// The agent that was asked.
    pub agent: AgentName,
    /// The stream.
    pub stream: Stream,
}

impl ProxyServer {
    /// Opens a stream to a target in `cluster` without waiting for the agent's answer.
    ///
    /// Among the cluster's agents the one with the fewest open streams is
    /// asked; one that cannot take the stream is passed over.
    pub async fn open(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
    ) -> Result<Dialled, DialError> {
        let dial = self.dialling(&header.target);
        let (agent, opening) = match self.opening(cluster, header).await {
            Ok(opening) => opening,
            Err(error) => {
                dial.ended((&error).into());
                return Err(error);
            }
        };
        let (stream, answer) = opening.early();
        let answer = Answer::new(answer, dial);
        Ok(Dialled {
            agent,
            answer,
            stream,
        })
    }

    /// Opens a stream to `target` in `cluster` and waits for the agent's answer,
    /// at most for `deadline`, which the agent is told.
    ///
    /// This is the way for programs that have a hub inside. Nobody is asked
    /// here who wants the stream: that is the caller's to know.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use proto::Target;
    /// use proxy_server::ProxyServer;
    /// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    ///
    /// async fn ask(hub: &ProxyServer) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    ///     let cluster = "edge-7".parse()?;
    ///     let target = Target::Tcp {
    ///         host: "db.example.org".to_owned(),
    ///         port: 5432,
    ///     };
    ///     let mut stream = hub.dial(&cluster, target, Duration::from_secs(10)).await?;
    ///     stream.write_all(b"a question").await?;
    ///     // Ends this direction alone; a stream that is dropped instead is a reset.
    ///     stream.shutdown().await?;
    ///     let mut answer = Vec::new();
    ///     stream.read_to_end(&mut answer).await?;
    ///     Ok(answer)
    /// }
    /// ```
    pub async fn dial(
        &self,
        cluster: &ClusterName,
        target: Target,
        deadline: Duration,
    ) -> Result<Stream, DialError> {
        let header = StreamHeader {
            deadline: Some(deadline),
            ..StreamHeader::new(target)
        };
        let reached = self.reach(cluster, header, deadline).await?;
        Ok(reached.stream)
    }

    /// Opens a stream to a target in `cluster` and waits for the agent's answer,
    /// at most for `patience`, which should be a little more than the header's
    /// deadline: then the agent says why it is late.
    pub async fn reach(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
        patience: Duration,
    ) -> Result<Reached, DialError> {
        let dial = self.dialling(&header.target);
        let reached = self.reach_uncounted(cluster, header, patience).await;
        dial.ended(match &reached {
            Ok(_) => DialOutcome::Opened,
            Err(error) => error.into(),
        });
        reached
    }

    async fn reach_uncounted(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
        patience: Duration,
    ) -> Result<Reached, DialError> {
        let (agent, opening) = self.opening(cluster, header).await?;
        match timeout(patience, opening.opened()).await {
            Ok(Ok(stream)) => Ok(Reached { agent, stream }),
            Ok(Err(source)) => Err(DialError::Open {
                cluster: cluster.clone(),
                agent,
                source,
            }),
            Err(_) => Err(DialError::TimedOut {
                cluster: cluster.clone(),
                agent,
                after: patience,
            }),
        }
    }

    async fn opening(
        &self,
        cluster: &ClusterName,
        header: StreamHeader,
    ) -> Result<(AgentName, Opening), DialError> {
        if !self.inner.clusters.contains(cluster) {
            return Err(DialError::UnknownCluster {
                cluster: cluster.clone(),
            });
        }
        if let Err(too_often) = self.inner.dial_rate.take(cluster) {
            self.inner.counters.note_too_often();
            return Err(too_often.into());
        }
        let mut failure = DialError::NotConnected {
            cluster: cluster.clone(),
        };
        for (agent, session) in self.inner.registry.candidates(cluster) {
            match session.open(header.clone()).await {
                Ok(opening) => return Ok((agent, opening)),
                // It has just begun to drain or ended: as if it were not there.
                Err(OpenError::Draining | OpenError::Stream(_)) => {}
                Err(source) => {
                    failure = DialError::Open {
                        cluster: cluster.clone(),
                        agent,
                        source,
                    };
                }
            }
        }
        Err(failure)
    }

    fn dialling(&self, target: &Target) -> Dial {
        Dial::begin(Arc::clone(&self.inner.counters), target.into())
    }
}
