use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the gateway has counted of its requests, CONNECTs and forwarded
/// connections included.
#[derive(Debug, Default)]
pub struct Counters {
    ended: [AtomicU64; RequestClass::ALL.len()],
    begun: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    tcp_streams_full: AtomicU64,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RequestClass {
    /// The client went away before there was an answer.
    ClientClosed,
    /// 4xx.
    ClientError,
    /// 3xx.
    Redirect,
    /// 5xx.
    ServerError,
    /// 2xx.
    Success,
    /// 101: the connection has switched protocols.
    Switched,
}

impl Counters {
    /// Requests that have ended with such an answer.
    pub fn ended(&self, class: RequestClass) -> u64 {
        self.ended[class as usize].load(Relaxed)
    }

    /// Requests that have begun and not ended.
    pub fn open(&self) -> u64 {
        let ended: u64 = self.ended.iter().map(|ended| ended.load(Relaxed)).sum();
        self.begun.load(Relaxed).saturating_sub(ended)
    }

    /// Bytes of bodies that clients have sent, in requests that have ended.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Relaxed)
    }

    /// Bytes of bodies that clients were sent, in requests that have ended.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Relaxed)
    }

    /// Streams to TCP targets that were refused because there were as many as allowed.
    pub fn tcp_streams_full(&self) -> u64 {
        self.tcp_streams_full.load(Relaxed)
    }

    pub(crate) fn note_tcp_streams_full(&self) {
        self.tcp_streams_full.fetch_add(1, Relaxed);
    }

    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self, status: u16, bytes_in: u64, bytes_out: u64) {
        self.ended[RequestClass::of(status) as usize].fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(bytes_in, Relaxed);
        self.bytes_out.fetch_add(bytes_out, Relaxed);
    }
}

impl RequestClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::ClientClosed,
        Self::ClientError,
        Self::Redirect,
        Self::ServerError,
        Self::Success,
        Self::Switched,
    ];

    /// As metrics label it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientClosed => "client-closed",
            Self::ClientError => "4xx",
            Self::Redirect => "3xx",
            Self::ServerError => "5xx",
            Self::Success => "2xx",
            Self::Switched => "101",
        }
    }

    fn of(status: u16) -> Self {
        match status {
            101 => Self::Switched,
            200..=299 => Self::Success,
            300..=399 => Self::Redirect,
            499 => Self::ClientClosed,
            400..=498 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_open_until_it_has_ended_in_its_class() {
        for (index, class) in RequestClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index);
        }
        let counters = Counters::default();
        counters.begin();
        counters.begin();
        assert_eq!(counters.open(), 2);
        counters.end(403, 7, 9);
        assert_eq!(counters.open(), 1);
        assert_eq!(counters.ended(RequestClass::ClientError), 1);
        assert_eq!((counters.bytes_in(), counters.bytes_out()), (7, 9));
    }
}
