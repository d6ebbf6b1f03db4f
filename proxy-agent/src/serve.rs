use std::sync::Arc;
use std::time::Duration;

use proto::{Refusal, RefusalReason, Target};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tracing::Instrument as _;
use tunnel::{Incoming, IncomingStream};

use crate::access_log::Record;
use crate::service::ServiceTargets;
use crate::splice::Broken;
use crate::tcp::TcpTargets;
use crate::{ApiServer, ImpersonationPolicy, LiveTargets, apiserver};

/// What an agent does for the streams that its hub opens.
#[derive(Debug)]
pub(crate) struct Services {
    api: Option<ApiServer>,
    impersonation: ImpersonationPolicy,
    service: ServiceTargets,
    tcp: TcpTargets,
}

/// Streams served at once on one session. It is the session's own limit on
/// streams; what comes on top is refused as busy.
const MAX_STREAMS: usize = 4096;
/// How long a stream's task may take to notice that the session is over.
const LAST_STEPS: Duration = Duration::from_secs(5);

impl Services {
    pub(crate) fn new(
        api: Option<ApiServer>,
        targets: LiveTargets,
        impersonation: ImpersonationPolicy,
    ) -> Self {
        Self {
            service: ServiceTargets::new(targets.clone(), api.clone()),
            api,
            impersonation,
            tcp: TcpTargets::new(targets),
        }
    }

    /// Serves a session's streams until it is over and they have ended.
    pub(crate) async fn serve(self: Arc<Self>, mut incoming: Incoming) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                next = incoming.next() => match next {
                    Some(stream) => self.start(stream, &mut tasks),
                    None => break,
                },
                Some(ended) = tasks.join_next() => report(ended),
            }
        }
        let rest = async {
            while let Some(ended) = tasks.join_next().await {
                report(ended);
            }
        };
        // What has not noticed by then is ended with the set.
        let _ = timeout(LAST_STEPS, rest).await;
    }

    fn start(self: &Arc<Self>, stream: IncomingStream, tasks: &mut JoinSet<()>) {
        if tasks.len() >= MAX_STREAMS {
            let message = format!("this agent serves {MAX_STREAMS} streams already");
            stream.refuse(Refusal::new(RefusalReason::Busy, message));
            return;
        }
        let span = tracing::debug_span!("stream", target = %stream.header().target);
        let services = Arc::clone(self);
        let task = async move {
            let record = Record::begin(stream.header(), stream.watch());
            let ended = Box::pin(services.serve_stream(stream)).await;
            record.ended(&ended);
            match ended {
                Ok(()) => tracing::debug!("stream ended"),
                Err(error) => tracing::debug!(%error, "stream broke"),
            }
        };
        tasks.spawn(task.instrument(span));
    }

    async fn serve_stream(&self, stream: IncomingStream) -> Result<(), Broken> {
        match (stream.header().target.clone(), &self.api) {
            (Target::KubeApiserver, Some(api)) => {
                let stream = stream.accept()?;
                apiserver::serve(stream, api, &self.impersonation).await
            }
            (Target::KubeApiserver, None) => {
                let message = "this agent has no API server to serve; \
                               --kubeconfig would name one";
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                Ok(())
            }
            (Target::Tcp { host, port }, _) => self.tcp.serve(stream, &host, port).await,
            (
                Target::Service {
                    namespace,
                    name,
                    port,
                },
                _,
            ) => {
                let service = (namespace.as_str(), name.as_str(), port.as_str());
                self.service.serve(stream, service).await
            }
            (other @ (Target::HubApi | _), _) => {
                let message = format!("this agent does not serve {other}");
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                Ok(())
            }
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a stream's task has failed");
    }
}
