//! Which carrier an agent's links use.

use std::time::Duration;

use tokio::pin;
use tokio::time::{sleep, timeout};

use crate::connect::ConnectError;

/// What an agent may use to reach its hub.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CarrierChoice {
    /// Whatever the network lets through: HTTP/2 where it can be had, which
    /// costs less on a clean path.
    #[default]
    Auto,
    /// HTTP/2 over TLS over TCP alone.
    H2,
    /// QUIC over UDP alone.
    Quic,
}

/// How long the carrier to begin with is tried alone.
const HEAD_START: Duration = Duration::from_secs(1);
/// How long it is still waited for once the other has come through.
const PATIENCE: Duration = Duration::from_millis(500);

/// The result of the first attempt if it comes in good time, else of the
/// second, which begins beside it a little later, or when it has failed; then
/// the second has `last_chance` at most. The error is the first one's.
pub(crate) async fn side_by_side<T>(
    first: impl Future<Output = Result<T, ConnectError>>,
    second: impl Future<Output = Result<T, ConnectError>>,
    last_chance: Duration,
) -> Result<T, ConnectError> {
    pin!(first, second);
    let failed = tokio::select! {
        made = &mut first => Some(made),
        () = sleep(HEAD_START) => None,
    };
    let failed = match failed {
        Some(Ok(made)) => return Ok(made),
        Some(Err(error)) => error,
        None => tokio::select! {
            made = &mut first => match made {
                Ok(made) => return Ok(made),
                Err(error) => error,
            },
            made = &mut second => return match made {
                Ok(made) => match timeout(PATIENCE, first).await {
                    Ok(Ok(better)) => Ok(better),
                    Ok(Err(_)) | Err(_) => Ok(made),
                },
                Err(_) => first.await,
            },
        },
    };
    if failed.is_rejection() {
        return Err(failed);
    }
    match timeout(last_chance, second).await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) if error.is_rejection() => Err(error),
        Ok(Err(_)) | Err(_) => Err(failed),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    type Made = Result<&'static str, ConnectError>;

    async fn after(wait: Duration, made: Made) -> Made {
        sleep(wait).await;
        made
    }

    fn failed() -> Made {
        Err(ConnectError::NoHub)
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_through_first_is_not_kept_where_the_better_comes_soon_after() {
        let first = after(Duration::from_millis(1400), Ok("h2"));
        let second = after(Duration::from_millis(10), Ok("quic"));
        let made = side_by_side(first, second, MINUTE).await;
        assert_eq!(made.unwrap(), "h2");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_network_lets_through_is_kept() {
        let begun = Instant::now();
        let quic = after(Duration::from_millis(10), Ok("quic"));
        let made = side_by_side(pending::<Made>(), quic, MINUTE).await;
        assert_eq!(made.unwrap(), "quic");
        assert!(begun.elapsed() < Duration::from_secs(2));
        let refused = side_by_side(ready(failed()), ready(Ok("quic")), MINUTE).await;
        assert_eq!(refused.unwrap(), "quic");
        let late = after(Duration::from_secs(9), Ok("h2"));
        let made = side_by_side(late, ready(failed()), MINUTE).await;
        assert_eq!(made.unwrap(), "h2");
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_is_not_begun_where_the_first_is_quick() {
        let second = async { panic!("it was begun") };
        let first = after(Duration::from_millis(900), Ok("h2"));
        side_by_side(first, second, MINUTE).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_not_waited_for_once_the_first_has_failed() {
        let begun = Instant::now();
        let limit = Duration::from_secs(1);
        let made = side_by_side(ready(failed()), pending::<Made>(), limit).await;
        assert!(matches!(made, Err(ConnectError::NoHub)));
        assert_eq!(begun.elapsed(), limit);
    }
}
