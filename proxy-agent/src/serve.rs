use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::{Rate, Refusal, RefusalReason, Target};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;
use tunnel::{Incoming, IncomingStream, SpanKind};

use crate::access_log::Record;
use crate::service::ServiceTargets;
use crate::splice::Broken;
use crate::tcp::TcpTargets;
use crate::trace::Trace;
use crate::{AgentLimits, ApiServer, Counters, ImpersonationPolicy, LiveTargets, apiserver};

/// What an agent does for the streams that its hub opens.
#[derive(Debug)]
pub(crate) struct Services {
    api: Option<ApiServer>,
    impersonation: ImpersonationPolicy,
    service: ServiceTargets,
    tcp: TcpTargets,
    max_streams: usize,
    rate: DialRate,
    counters: Arc<Counters>,
}

/// How often the hub may ask for something.
#[derive(Debug)]
struct DialRate {
    start: Instant,
    per_second: u32,
    used: Mutex<Rate>,
}

/// How long a stream's task may take to notice that the session is over.
const LAST_STEPS: Duration = Duration::from_secs(5);

impl Services {
    pub(crate) fn new(
        api: Option<ApiServer>,
        targets: LiveTargets,
        impersonation: ImpersonationPolicy,
        limits: &AgentLimits,
        counters: Arc<Counters>,
    ) -> Self {
        let dial_timeout = limits.dial_timeout;
        Self {
            service: ServiceTargets::new(targets.clone(), api.clone(), dial_timeout),
            api,
            impersonation,
            tcp: TcpTargets::new(targets, dial_timeout),
            max_streams: limits.max_streams,
            rate: DialRate::new(limits.dials_per_second),
            counters,
        }
    }

    /// What is counted of all sessions.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
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
        if let Err(refusal) = self.take(tasks.len()) {
            stream.refuse(refusal);
            return;
        }
        let span = tracing::debug_span!("stream", target = %stream.header().target);
        let services = Arc::clone(self);
        let task = async move {
            let counters = Arc::clone(&services.counters);
            let record = Record::begin(stream.header(), stream.watch(), counters);
            let header = stream.header();
            let mut trace = Trace::begin("stream", SpanKind::Server, header.trace_parent.clone());
            if trace.is_collected() {
                trace.set("adit.target", header.target.to_string());
            }
            let ended = Box::pin(services.serve_stream(stream, &trace)).await;
            if let Err(error) = &ended {
                trace.fail(error.to_string());
            }
            record.ended(&ended);
            match ended {
                Ok(()) => tracing::debug!("stream ended"),
                Err(error) => tracing::debug!(%error, "stream broke"),
            }
        };
        tasks.spawn(task.instrument(span));
    }

    /// Lets one more stream be served beside so many.
    fn take(&self, served: usize) -> Result<(), Refusal> {
        let busy = |message| Err(Refusal::new(RefusalReason::Busy, message));
        if served >= self.max_streams {
            self.counters.note_too_many();
            return busy(format!("this agent serves {served} streams already"));
        }
        if !self.rate.take() {
            self.counters.note_too_often();
            let per_second = self.rate.per_second;
            return busy(format!(
                "this agent is asked for more than {per_second} streams a second"
            ));
        }
        Ok(())
    }

    async fn serve_stream(&self, stream: IncomingStream, trace: &Trace) -> Result<(), Broken> {
        match (stream.header().target.clone(), &self.api) {
            (Target::KubeApiserver, Some(api)) => {
                let stream = stream.accept()?;
                apiserver::serve(stream, api, &self.impersonation, trace).await
            }
            (Target::KubeApiserver, None) => {
                let message = "this agent has no API server to serve; \
                               --kubeconfig would name one";
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                Ok(())
            }
            (Target::Tcp { host, port }, _) => self.tcp.serve(stream, &host, port, trace).await,
            (
                Target::Service {
                    namespace,
                    name,
                    port,
                },
                _,
            ) => {
                let service = (namespace.as_str(), name.as_str(), port.as_str());
                self.service.serve(stream, service, trace).await
            }
            (other @ (Target::HubApi | _), _) => {
                let message = format!("this agent does not serve {other}");
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                Ok(())
            }
        }
    }
}

impl DialRate {
    fn new(per_second: u32) -> Self {
        Self {
            start: Instant::now(),
            per_second,
            used: Mutex::new(Rate::per_second(per_second)),
        }
    }

    fn take(&self) -> bool {
        // No code panics while it holds this lock.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.take(self.start.elapsed())
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a stream's task has failed");
    }
}
