//! What can be set of a gateway.

use std::time::Duration;

/// The gateway's limits. The defaults fit kubectl, client-go and controllers.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// How long an agent may take to say that it takes a stream. Default 10 s; then 504.
    pub dial_timeout: Duration,
    /// How long the API server may take to begin its answer, once it has been
    /// sent the whole request. Default 2 min; then 504.
    ///
    /// It does not hold for what Kubernetes counts as long-running (watches,
    /// exec, attach, port-forward, logs, proxied services): those may be
    /// silent for as long as they like. kube-apiserver itself gives up other
    /// requests after 60 s.
    pub response_timeout: Duration,
    /// How long the body of a request may stand still before its end, if
    /// [`Self::response_timeout`] holds for the request. Default 2 min; then
    /// 408 if the client sends nothing, and 504 if the cluster takes nothing.
    pub upload_idle: Duration,
    /// What `Retry-After` says when no agent of a cluster is connected. Default 1 s.
    ///
    /// client-go then tries ten times; a larger value makes kubectl wait
    /// longer before it says what is wrong.
    pub retry_after: Duration,
    /// How long an upgraded connection of which one direction has ended may
    /// be silent in the other, and how long a client may leave unread what a
    /// stream had brought before the agent gave it up. Default 1 min.
    ///
    /// Without it, a client that vanished after its last byte would hold a
    /// stream for as long as the cluster has nothing to say.
    pub half_closed_idle: Duration,
    /// Largest head of a request or response, in bytes. Default 64 KiB; then 431 or 502.
    pub max_head: u32,
    /// Most header lines of a request or response. Default 256; then 431 or 502.
    pub max_headers: usize,
    /// How long a client may take for a request's head, idle time before it
    /// included. Default 60 s; then the connection is closed.
    pub head_timeout: Duration,
    /// Requests of one HTTP/2 connection in flight. Default 250; more wait at the client.
    pub max_http2_streams: u32,
    /// Bytes of one HTTP/2 request body that may wait to be sent on. Default 128 KiB.
    ///
    /// A connection's window is this times [`Self::max_http2_streams`], so
    /// that requests that nobody reads stop no others; it is also what a
    /// client can make the hub hold.
    pub http2_stream_window: u32,
    /// How long an upgraded connection (exec, attach, port-forward, WebSockets)
    /// may be silent in both directions before it is cut; noticed after once
    /// to twice as long. Default 4 h, as the kubelet has it.
    ///
    /// kubectl's own pings keep it from being silent for as long as kubectl lives.
    pub upgrade_idle: Option<Duration>,
    /// How long an upgraded connection may be open before it is cut, whatever
    /// it does. Default: as long as it likes; it ends with its user's certificate.
    pub upgrade_lifetime: Option<Duration>,
    /// TCP streams into clusters (CONNECT, forwarding listeners) that may be
    /// open at once. Default 16384; then 503.
    pub max_tcp_streams: usize,
    /// Those of them that one user, or one forwarding listener, may have.
    /// Default 4096; then 429.
    pub max_tcp_streams_per_user: usize,
    /// How long a TCP stream may be silent in both directions before it is
    /// cut; noticed after once to twice as long. Default 1 h.
    ///
    /// Shorter than what pools of idle connections keep, it makes their users
    /// see resets. A client or target that has vanished is noticed sooner, by
    /// TCP itself.
    pub tcp_idle: Option<Duration>,
    /// How long a TCP stream may be open before it is cut, whatever it does.
    /// Default: as long as it likes.
    pub tcp_lifetime: Option<Duration>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            dial_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(120),
            upload_idle: Duration::from_secs(120),
            retry_after: Duration::from_secs(1),
            half_closed_idle: Duration::from_secs(60),
            max_head: 64 * 1024,
            max_headers: 256,
            head_timeout: Duration::from_secs(60),
            max_http2_streams: 250,
            http2_stream_window: 128 * 1024,
            upgrade_idle: Some(Duration::from_secs(4 * 3600)),
            upgrade_lifetime: None,
            max_tcp_streams: 16_384,
            max_tcp_streams_per_user: 4096,
            tcp_idle: Some(Duration::from_secs(3600)),
            tcp_lifetime: None,
        }
    }
}

impl GatewayConfig {
    /// Bytes that an HTTP/1.1 connection may hold in each direction: a head that
    /// is just too large, to be answered as such, and pieces of bodies.
    pub(crate) fn buffer_size(&self) -> usize {
        2 * (self.max_head as usize).max(8192)
    }
}
