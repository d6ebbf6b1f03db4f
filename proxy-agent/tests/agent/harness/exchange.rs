use std::io;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tunnel::{Stream, StreamError};

use super::{HubSession, within};

/// The hub's end of a stream to `kube-apiserver`, played by hand.
pub(crate) struct Exchange {
    pub(crate) stream: Stream,
}

impl Exchange {
    pub(crate) async fn open(session: &HubSession) -> Self {
        let stream = session.open(proto::Target::KubeApiserver).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        within(self.stream.write_all(text.as_bytes()))
            .await
            .unwrap();
    }

    pub(crate) async fn finish(&mut self) {
        within(self.stream.shutdown()).await.unwrap();
    }

    /// Everything up to and with `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            text.push(within(self.stream.read_u8()).await.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    /// Everything up to the clean end.
    pub(crate) async fn read(&mut self) -> String {
        match self.rest().await {
            (text, None) => text,
            (text, Some(error)) => panic!("{error} after {text:?}"),
        }
    }

    /// Everything up to the end, and the error if it is none.
    pub(crate) async fn rest(&mut self) -> (String, Option<StreamError>) {
        let mut data = Vec::new();
        let end = within(self.stream.read_to_end(&mut data)).await;
        let text = String::from_utf8(data).unwrap();
        (text, end.err().map(stream_error))
    }
}

/// A request of Jane's; the lines follow each other with CRLF.
pub(crate) fn request(line: &str, headers: &[&str]) -> String {
    let mut text = format!("{line} HTTP/1.1\r\nHost: gateway\r\nImpersonate-User: jane\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text
}

/// The head and the `Status` object of a response.
pub(crate) fn object(response: &str) -> (&str, Value) {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head, serde_json::from_str(body).unwrap())
}

fn stream_error(error: io::Error) -> StreamError {
    let inner = error.into_inner().unwrap();
    *inner.downcast().unwrap()
}
