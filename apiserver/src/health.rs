//! `/healthz`, `/livez` and `/readyz`, with a page for each check below them.

use std::time::Duration;

use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};

use crate::mirror::Mirror;
use crate::query::Query;
use crate::storage::Storage;
use crate::{Body, Status};

/// What is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Check {
    /// Whether the store answers; called as the real server's.
    Etcd,
    /// Whether what decides about requests follows the store.
    InformerSync,
    /// Whether anything answers.
    Ping,
}

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) mirror: &'a Mirror,
}

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::InformerSync => "informer-sync",
            Self::Ping => "ping",
        }
    }
}

impl Health<'_> {
    /// The page at a path; `None` if it is none of health's.
    pub(crate) async fn answer(
        self,
        path: &str,
        query: &str,
    ) -> Option<Result<Response<Body>, Status>> {
        let path = path.strip_prefix('/')?;
        let (root, check) = match path.split_once('/') {
            Some((root, check)) => (root, Some(check)),
            None => (path, None),
        };
        let checks: &[Check] = match root {
            "healthz" | "livez" => &[Check::Ping, Check::Etcd],
            "readyz" => &[Check::Ping, Check::Etcd, Check::InformerSync],
            _ => return None,
        };
        Some(match check {
            None => Ok(self.all(root, checks, &Query::parse(query)).await),
            Some(name) => match checks.iter().find(|check| check.name() == name) {
                Some(check) => Ok(self.one(*check).await),
                None => Err(Status::no_such_path()),
            },
        })
    }

    /// All checks together. Why one failed is for the log, and for those who
    /// may ask for it alone.
    async fn all(self, root: &str, checks: &[Check], query: &Query<'_>) -> Response<Body> {
        let mut excluded: Vec<&str> = query.all("exclude").collect();
        excluded.sort_unstable();
        excluded.dedup();
        let (mut told, mut failed) = (String::new(), false);
        for check in checks {
            let name = check.name();
            if excluded.contains(&name) {
                excluded.retain(|of| *of != name);
                told.push_str(&format!("[+]{name} excluded: ok\n"));
            } else if let Err(why) = self.run(*check).await {
                tracing::warn!(check = name, why, "unhealthy");
                failed = true;
                told.push_str(&format!("[-]{name} failed: reason withheld\n"));
            } else {
                told.push_str(&format!("[+]{name} ok\n"));
            }
        }
        if !excluded.is_empty() {
            let unknown: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
            told.push_str(&format!(
                "warn: some health checks cannot be excluded: no matches for {}\n",
                unknown.join(",")
            ));
        }
        if failed {
            let told = format!("{told}{root} check failed\n");
            return page(StatusCode::INTERNAL_SERVER_ERROR, told);
        }
        if query.get("verbose").is_none() {
            return page(StatusCode::OK, "ok".to_owned());
        }
        page(StatusCode::OK, format!("{told}{root} check passed\n"))
    }

    async fn one(self, check: Check) -> Response<Body> {
        match self.run(check).await {
            Ok(()) => page(StatusCode::OK, "ok".to_owned()),
            Err(why) => page(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("internal server error: {why}\n"),
            ),
        }
    }

    async fn run(self, check: Check) -> Result<(), String> {
        match check {
            Check::Ping => Ok(()),
            Check::Etcd => match tokio::time::timeout(PATIENCE, self.storage.current()).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(status)) => Err(status.to_string()),
                Err(_) => Err("the store does not answer".to_owned()),
            },
            Check::InformerSync if self.mirror.is_following() => Ok(()),
            Check::InformerSync => Err("the store is not followed".to_owned()),
        }
    }
}

fn page(code: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into_bytes()));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// How long a check waits.
const PATIENCE: Duration = Duration::from_secs(2);
