//! A client that writes its requests by hand.

use std::ops::{Deref, DerefMut};

use serde_json::Value;
use tokio::io::DuplexStream;

use super::wire::Wire;

pub(crate) struct Client {
    wire: Wire<DuplexStream>,
}

/// A response with a length.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(io: DuplexStream) -> Self {
        Self {
            wire: Wire::new(io),
        }
    }

    /// Sends a request without a body; `lines` are further header lines.
    pub(crate) async fn ask(&mut self, method: &str, target: &str, token: &str, lines: &[&str]) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: hub\r\n");
        if !token.is_empty() {
            request.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for line in lines {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        self.send(request).await;
    }

    pub(crate) async fn get(&mut self, target: &str, token: &str) {
        self.ask("GET", target, token, &[]).await;
    }

    /// The next response, by its length.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let code = head.split(' ').nth(1).expect("a code");
        let code = code.parse().expect("a number");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a length"));
        let body = self.take(length).await;
        Answer { code, head, body }
    }
}

impl Answer {
    /// The body as a Kubernetes `Status`, checked to be one with this code.
    pub(crate) fn status(&self) -> Value {
        let status: Value = serde_json::from_slice(&self.body).expect("JSON");
        assert_eq!(status["kind"], "Status", "{self:?}");
        assert_eq!(status["code"], self.code);
        assert!(self.head.contains("content-type: application/json\r\n"));
        status
    }

    /// Code, reason, and where it failed.
    pub(crate) fn failure(&self) -> (u16, String, String) {
        let status = self.status();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (
            self.code,
            text(&status["reason"]),
            text(&status["details"]["causes"][0]["message"]),
        )
    }
}

impl Deref for Client {
    type Target = Wire<DuplexStream>;

    fn deref(&self) -> &Self::Target {
        &self.wire
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.wire
    }
}
