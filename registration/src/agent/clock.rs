//! What time it is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;

/// The time that certificates are compared with and that is written into
/// objects. Waiting goes by tokio's own clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// One of one's own, for tests.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }

    pub(crate) fn time(&self) -> Time {
        Time(timestamp(self.now()))
    }

    pub(crate) fn micro_time(&self) -> MicroTime {
        MicroTime(timestamp(self.now()))
    }
}

impl Default for Clock {
    /// The machine's.
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// A point in time as certificates have it; what is before 1970 is 1970.
pub(crate) fn from_seconds(seconds: i64) -> SystemTime {
    let since = u64::try_from(seconds).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(since)
}

/// For people: `2026-11-21 22:00:00 +0000 UTC`.
pub(crate) fn readable(at: SystemTime) -> String {
    timestamp(at)
        .strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
        .to_string()
}

fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}
