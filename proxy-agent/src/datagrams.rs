//! QUIC connections outwards.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quinn::{ClientConfig, Connection, Endpoint};
use tokio::time::timeout;

use crate::dial::{Unreached, race};

/// Makes QUIC connections to hubs, all from one UDP socket an address family.
///
/// The sockets are bound to no address in particular, so that connections go
/// on where the machine's address changes.
#[derive(Debug, Default)]
pub(crate) struct QuicDialer {
    sockets: Mutex<Sockets>,
}

/// Made when the first connection of their family is.
#[derive(Debug, Default)]
struct Sockets {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
}

/// The longest that the handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long the last datagrams of ended connections may take.
const LAST_DATAGRAMS: Duration = Duration::from_secs(1);

impl QuicDialer {
    /// Connects to whichever address answers first.
    pub(crate) async fn connect(
        &self,
        client: &ClientConfig,
        server_name: &str,
        addresses: &[SocketAddr],
    ) -> Result<(SocketAddr, Connection), Unreached> {
        let connect = async |address| {
            let endpoint = self.endpoint(address)?;
            let connecting = endpoint
                .connect_with(client.clone(), address, server_name)
                .map_err(io::Error::other)?;
            Ok(connecting.await?)
        };
        race(addresses, HANDSHAKE_LIMIT, connect).await
    }

    fn endpoint(&self, remote: SocketAddr) -> io::Result<Endpoint> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_family, any) = match remote {
            SocketAddr::V4(_) => (&mut sockets.v4, (Ipv4Addr::UNSPECIFIED, 0).into()),
            SocketAddr::V6(_) => (&mut sockets.v6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        if let Some(endpoint) = of_family {
            return Ok(endpoint.clone());
        }
        let endpoint = tunnel::quic::endpoint(any, None)?;
        *of_family = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Waits until the hubs have been told of the end of ended connections, at most 1 s.
    pub(crate) async fn settle(&self) {
        let endpoints = {
            let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            [sockets.v4.clone(), sockets.v6.clone()]
        };
        let idle = async {
            for endpoint in endpoints.into_iter().flatten() {
                endpoint.wait_idle().await;
            }
        };
        // A hub that is gone need not be told.
        let _ = timeout(LAST_DATAGRAMS, idle).await;
    }
}
