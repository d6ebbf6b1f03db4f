//! Whether the managed cluster's API server is well.

use http::{Request, StatusCode};
use kube::Client;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::Pace;
use crate::agent::refusal::told;

/// What the API server says of itself, or who asks of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Health {
    Good,
    /// It did not answer (0), or with another code.
    Bad {
        code: u16,
        why: String,
    },
}

/// Asks, and asks again before it says that it is bad.
pub(super) async fn check(managed: &Client, pace: &Pace) -> Health {
    let until = Instant::now() + pace.unhealthy;
    loop {
        let health = once(managed).await;
        if health == Health::Good || Instant::now() + pace.health_retry > until {
            return health;
        }
        sleep(pace.health_retry).await;
    }
}

async fn once(managed: &Client) -> Health {
    match ask(managed, "/livez").await {
        // Older ones have no such path, or do not show it to everyone.
        Health::Bad {
            code: 403 | 404, ..
        } => ask(managed, "/healthz").await,
        health @ (Health::Good | Health::Bad { .. }) => health,
    }
}

async fn ask(managed: &Client, path: &str) -> Health {
    let bad = |code, why| Health::Bad { code, why };
    let request = match Request::get(path).body(kube::client::Body::empty()) {
        Ok(request) => request,
        Err(error) => return bad(0, error.to_string()),
    };
    let answered = async {
        let response = managed.send(request).await?;
        let code = response.status();
        let body = response.into_body().collect_bytes().await?;
        Ok::<_, kube::Error>((code, body))
    };
    match timeout(PATIENCE, answered).await {
        Ok(Ok((StatusCode::OK, _))) => Health::Good,
        Ok(Ok((code, body))) => {
            let text = String::from_utf8_lossy(&body);
            let text: String = text.chars().take(TEXT_MAX).collect();
            bad(code.as_u16(), text.trim().to_owned())
        }
        Ok(Err(error)) => bad(0, told(&error)),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            bad(0, format!("no answer from {path} within {seconds} s"))
        }
    }
}

/// How long an answer may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// How much of an answer is told.
const TEXT_MAX: usize = 1024;
