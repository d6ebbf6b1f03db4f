use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::Empty;
use kube::client::{AuthError, ConfigExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::util::{BoxCloneSyncService, service_fn};
use tower::{BoxError, Layer as _, ServiceExt as _};

use super::CredentialError;

/// What a kubeconfig's user is known by, asked for by one task at a time.
///
/// An exec plugin may hang. It is then waited for by one thread, however many
/// requests come, and is not started again as long as it runs.
pub(in crate::apiserver) struct HeaderSource {
    service: HeaderService,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where the last asking puts its answer.
    answer: Option<watch::Receiver<Option<Answer>>>,
    /// The asking. It ends with the source, but a plugin that runs does not.
    tasks: JoinSet<()>,
}

/// Answers a request with the header that says who makes it.
type HeaderService = BoxCloneSyncService<Request<Empty<Bytes>>, Response<()>, BoxError>;
type Answer = Result<Option<HeaderValue>, String>;

/// The longest that a request waits for an exec plugin.
pub(super) const PLUGIN_LIMIT: Duration = Duration::from_secs(30);

impl HeaderSource {
    /// Blocks while an exec plugin runs. None, if the configuration has nothing
    /// to put into a header.
    pub(super) fn new(config: &kube::Config) -> Result<Option<Self>, CredentialError> {
        let layer = config
            .auth_layer()
            .map_err(|error| CredentialError::Kubeconfig(without_output(&error)))?;
        Ok(layer.map(|layer| Self {
            service: HeaderService::new(layer.layer(service_fn(copy_header))),
            state: Mutex::default(),
        }))
    }

    /// The header's value. It is waited for at most 30 s; dropped, the asking
    /// goes on for those who come next.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, CredentialError> {
        let mut answer = match self.ask() {
            Asked::Known(answer) => return answer.map_err(CredentialError::Kubeconfig),
            Asked::Later(answer) => answer,
        };
        let answer = timeout(PLUGIN_LIMIT, answer.wait_for(Option::is_some))
            .await
            .map_err(|_| CredentialError::Unanswered)?;
        answer
            .ok()
            .and_then(|answer| answer.clone())
            .unwrap_or_else(|| Err("the asking was given up".to_owned()))
            .map_err(CredentialError::Kubeconfig)
    }

    /// Joins the asking under way, or begins one if what is known is too old.
    fn ask(&self) -> Asked {
        let mut state = self.state();
        if let Some(answer) = state.answer.as_ref().filter(|answer| is_awaited(answer)) {
            return Asked::Later(answer.clone());
        }
        let service = self.service.clone();
        let mut asking = Box::pin(async move {
            let request = Request::new(Empty::new());
            let mut response = service.oneshot(request).await.map_err(describe)?;
            Ok(response.headers_mut().remove(AUTHORIZATION))
        });
        if let Some(answer) = (&mut asking).now_or_never() {
            return Asked::Known(answer);
        }
        while state.tasks.try_join_next().is_some() {}
        let (sender, answer) = watch::channel(None);
        state.tasks.spawn(async move {
            sender.send_replace(Some(asking.await));
        });
        state.answer = Some(answer.clone());
        Asked::Later(answer)
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Asked {
    Known(Answer),
    Later(watch::Receiver<Option<Answer>>),
}

fn is_awaited(answer: &watch::Receiver<Option<Answer>>) -> bool {
    // A task that has failed leaves no answer, and no sender.
    answer.has_changed().is_ok() && answer.borrow().is_none()
}

/// Makes a response of the header that a layer has put into a request.
async fn copy_header(request: Request<Empty<Bytes>>) -> Result<Response<()>, BoxError> {
    let mut response = Response::new(());
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        response.headers_mut().insert(AUTHORIZATION, value.clone());
    }
    Ok(response)
}

fn describe(error: BoxError) -> String {
    match error.downcast::<AuthError>() {
        Ok(error) => without_output(&kube::Error::Auth(*error)),
        Err(error) => error.to_string(),
    }
}

/// Tells an error of kube's without what a plugin has printed.
fn without_output(error: &kube::Error) -> String {
    if let kube::Error::Auth(AuthError::AuthExecRun { out, .. }) = error {
        // Its arguments may hold a secret too.
        format!("the plugin failed: {}", out.status)
    } else if let kube::Error::Auth(AuthError::AuthExecParse(_)) = error {
        "the plugin printed something else than an ExecCredential".to_owned()
    } else {
        error.to_string()
    }
}
