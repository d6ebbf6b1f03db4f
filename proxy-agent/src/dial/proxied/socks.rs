//! SOCKS5 (RFC 1928) with user and password (RFC 1929).
//!
//! Not hyper-util's `SocksV5`: its errors have no type that can be named, so
//! that nothing can be advised, and its buffer holds no long password.

use std::net::IpAddr;

use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::dial::proxied::{Destination, ProxyError};
use crate::proxy::ProxyCredentials;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xFF;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks the proxy for a connection; afterwards the socket is at its first byte.
pub(super) async fn connect(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    destination: &Destination,
    credentials: Option<&ProxyCredentials>,
) -> Result<(), ProxyError> {
    let mut hello = vec![VERSION];
    hello.extend_from_slice(match credentials {
        Some(_) => &[2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[1, NO_AUTHENTICATION],
    });
    socket.write_all(&hello).await?;
    let [version, method] = read(socket).await?;
    match (version, method, credentials) {
        (VERSION, NO_AUTHENTICATION, _) => {}
        (VERSION, USER_AND_PASSWORD, Some(credentials)) => {
            authenticate(socket, credentials).await?;
        }
        (VERSION, NOTHING_ACCEPTABLE, Some(_)) => {
            return Err(ProxyError::Refused {
                said: String::new(),
                advice: "it knows no way to log in by user and password",
            });
        }
        (VERSION, NOTHING_ACCEPTABLE, None) => {
            return Err(ProxyError::credentials(false, ""));
        }
        _ => return Err(not_socks()),
    }
    socket.write_all(&request(destination)).await?;
    read_reply(socket).await
}

async fn authenticate(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ProxyCredentials { user, password }: &ProxyCredentials,
) -> Result<(), ProxyError> {
    let mut message = vec![1];
    for text in [user.as_str(), password.expose_secret()] {
        // ProxyCredentials holds no longer ones.
        message.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        message.extend_from_slice(text.as_bytes());
    }
    socket.write_all(&message).await?;
    match read(socket).await {
        Ok([1, 0]) => Ok(()),
        // Some servers say no by hanging up.
        Ok([1, _]) | Err(ProxyError::Closed) => Err(ProxyError::credentials(true, "")),
        Ok(_) => Err(not_socks()),
        Err(error) => Err(error),
    }
}

fn request(destination: &Destination) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match destination.host() {
        (_, Some(IpAddr::V4(ip))) => {
            request.push(IPV4);
            request.extend_from_slice(&ip.octets());
        }
        (_, Some(IpAddr::V6(ip))) => {
            request.push(IPV6);
            request.extend_from_slice(&ip.octets());
        }
        (name, None) => {
            // A hub's name is at most 253 bytes long.
            request.extend_from_slice(&[NAME, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&destination.port().to_be_bytes());
    request
}

async fn read_reply(socket: &mut (impl AsyncRead + Unpin)) -> Result<(), ProxyError> {
    let [version, reply] = read(socket).await?;
    if version != VERSION {
        return Err(not_socks());
    }
    if reply != 0 {
        return Err(refused(reply));
    }
    // The address it connects from is of no interest, but precedes the hub's bytes.
    let [_, kind] = read(socket).await?;
    let address_len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1>(socket).await?[0]),
        _ => return Err(not_socks()),
    };
    let mut address_and_port = [0; 255 + 2];
    fill(socket, &mut address_and_port[..address_len + 2]).await
}

/// The replies by the names that RFC 1928, section 6, has for them.
fn refused(reply: u8) -> ProxyError {
    let reach = "can it reach the hub from where it is?";
    let (said, advice) = match reply {
        1 => ("general SOCKS server failure", reach),
        2 => (
            "connection not allowed by ruleset",
            "whoever runs it can allow the hub's host and port",
        ),
        3 => ("network unreachable", reach),
        4 => ("host unreachable", reach),
        5 => ("connection refused", reach),
        6 => ("TTL expired", reach),
        7 => ("command not supported", "it makes no TCP connections"),
        8 => (
            "address type not supported",
            "with socks5:// names are resolved here, with socks5h:// by the proxy",
        ),
        _ => ("unknown reply", reach),
    };
    ProxyError::Refused {
        said: format!("{said}, SOCKS5 reply {reply}"),
        advice,
    }
}

fn not_socks() -> ProxyError {
    ProxyError::NotAProxy("a SOCKS5 proxy")
}

async fn read<const N: usize>(
    socket: &mut (impl AsyncRead + Unpin),
) -> Result<[u8; N], ProxyError> {
    let mut bytes = [0; N];
    fill(socket, &mut bytes).await?;
    Ok(bytes)
}

async fn fill(socket: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> Result<(), ProxyError> {
    match socket.read_exact(into).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(ProxyError::Closed),
        Err(error) => Err(error.into()),
    }
}
