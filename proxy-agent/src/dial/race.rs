//! Happy eyeballs (RFC 8305): one attempt an address, a little apart, until one connects.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until};

/// Why none of a host's addresses was connected to; at least one was tried.
#[derive(Debug)]
pub(crate) struct Unreached {
    attempts: Vec<Attempt>,
    waited: Duration,
}

/// An address that was not connected to.
#[derive(Debug)]
struct Attempt {
    address: SocketAddr,
    /// None if it has not answered.
    error: Option<io::Error>,
}

/// How long an attempt has for itself before the next begins beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// The addresses in the order to dial them: as they come, except that IPv4 and
/// IPv6 take turns, so that a family without a route costs one head start.
pub(crate) fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let addresses: Vec<SocketAddr> = addresses.into_iter().collect();
    let Some(first) = addresses.first() else {
        return addresses;
    };
    let first_is_ipv6 = first.is_ipv6();
    let (mut mine, mut other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_ipv6);
    let paired = mine.len().min(other.len());
    let rest = mine
        .split_off(paired)
        .into_iter()
        .chain(other.split_off(paired));
    let turns = mine.into_iter().zip(other);
    turns
        .flat_map(|(one, two)| [one, two])
        .chain(rest)
        .collect()
}

/// Connects to whichever address answers first, trying them in their order.
///
/// The next attempt begins 250 ms after the last, or at once when one fails;
/// sooner where so many addresses would not fit into `limit`, after which the
/// race is over. What is under way when one wins is dropped. Cancel-safe:
/// dropped, it drops every attempt.
///
/// Without an address the error names none.
pub(crate) async fn race<T, F>(
    addresses: &[SocketAddr],
    limit: Duration,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, T), Unreached>
where
    F: Future<Output = io::Result<T>>,
{
    let deadline = Instant::now() + limit;
    let head_start = head_start(addresses.len(), limit);
    let mut failed: Vec<Option<io::Error>> = addresses.iter().map(|_| None).collect();
    let mut attempts = FuturesUnordered::new();
    let mut waiting = addresses.iter().enumerate();
    loop {
        if let Some((index, &address)) = waiting.next() {
            let attempt = connect(address);
            attempts.push(async move { (index, address, attempt.await) });
        }
        tokio::select! {
            ended = attempts.next() => match ended {
                Some((_, address, Ok(connected))) => return Ok((address, connected)),
                Some((index, _, Err(error))) => failed[index] = Some(error),
                None => break,
            },
            () = sleep(head_start), if waiting.len() > 0 => {}
            () = sleep_until(deadline) => break,
        }
    }
    let attempts = addresses.iter().zip(failed);
    let attempts = attempts.map(|(&address, error)| Attempt { address, error });
    Err(Unreached {
        attempts: attempts.collect(),
        waited: limit,
    })
}

/// All attempts begin within the limit, and the last has some time left.
fn head_start(addresses: usize, limit: Duration) -> Duration {
    let shares = u32::try_from(addresses.max(1)).unwrap_or(u32::MAX);
    HEAD_START.min(limit / shares)
}

impl Unreached {
    /// Whether every address was silent, so that there is no reason but time.
    pub(crate) fn is_silence(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.error.is_none())
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempts.as_slice() {
            [] => return f.write_str("there is no address to connect to"),
            [_] => f.write_str("cannot connect to ")?,
            several => write!(f, "cannot connect to any of {} addresses: ", several.len())?,
        }
        for (index, Attempt { address, error }) in self.attempts.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            match error {
                Some(error) => write!(f, "{address}: {error}")?,
                None => write!(f, "{address}: no answer within {:.1?}", self.waited)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Unreached {}

#[cfg(test)]
mod tests;
