//! HTTP CONNECT (RFC 9110, section 9.3.6).
//!
//! Not hyper-util's `Tunnel`: its error does not tell what the proxy has
//! answered, and it takes no 2xx but 200.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::dial::proxied::{Destination, ProxyError};
use crate::proxy::ProxyCredentials;

/// The longest head of an answer; a longer one is no proxy's.
const MAX_HEAD_LEN: usize = 8 * 1024;
/// More of a status line than this is not shown.
const MAX_SHOWN_LEN: usize = 100;

/// Asks the proxy for a connection; afterwards the socket is at its first byte.
pub(super) async fn connect(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    destination: &Destination,
    credentials: Option<&ProxyCredentials>,
) -> Result<(), ProxyError> {
    let request = request(destination, credentials);
    socket.write_all(request.as_bytes()).await?;
    let head = read_head(socket).await?;
    let status = Status::parse(&head).ok_or(ProxyError::NotAProxy("an HTTP proxy"))?;
    status.judge(credentials.is_some())
}

fn request(destination: &Destination, credentials: Option<&ProxyCredentials>) -> String {
    let mut request = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
    if let Some(ProxyCredentials { user, password }) = credentials {
        let basic = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&basic);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request
}

/// Reads no byte further than the head: what follows is the hub's.
async fn read_head(socket: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, ProxyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD_LEN {
            return Err(ProxyError::NotAProxy("an HTTP proxy"));
        }
        let mut byte = [0];
        if socket.read(&mut byte).await? == 0 {
            return Err(match head.is_empty() {
                true => ProxyError::Closed,
                false => ProxyError::NotAProxy("an HTTP proxy"),
            });
        }
        head.extend_from_slice(&byte);
    }
    Ok(head)
}

/// A status line.
struct Status {
    code: u16,
    /// The code and the reason, fit to be shown.
    shown: String,
}

impl Status {
    fn parse(head: &[u8]) -> Option<Self> {
        let line = head.split(|&byte| byte == b'\r').next()?;
        let (version, rest) = line.split_at_checked(b"HTTP/1.x ".len())?;
        if !version.starts_with(b"HTTP/1.") || !version.ends_with(b" ") {
            return None;
        }
        let code = str::from_utf8(rest.get(..3)?).ok()?.parse().ok()?;
        let shown = rest.iter().take(MAX_SHOWN_LEN);
        let shown = shown.map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '?',
        });
        Some(Self {
            code,
            shown: shown.collect::<String>().trim_end().to_owned(),
        })
    }

    fn judge(self, credentials_given: bool) -> Result<(), ProxyError> {
        let advice = match self.code {
            200..300 => return Ok(()),
            // Some, tinyproxy among them, say 401 of a password that is wrong.
            401 | 407 => return Err(ProxyError::credentials(credentials_given, self.shown)),
            403 => "whoever runs it can allow CONNECT to the hub's host and port",
            502..=504 => "can it reach the hub from where it is?",
            _ => "is it a proxy that allows CONNECT?",
        };
        Err(ProxyError::Refused {
            said: self.shown,
            advice,
        })
    }
}
