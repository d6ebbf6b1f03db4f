//! The flags for the hub's limits.

use std::sync::Arc;

use gateway::GatewayConfig;
use proxy_server::ProxyServerConfig;
use tunnel::{LinkConfig, ProcessBudget};

use crate::byte_size::ByteSize;
use crate::hub::{self, ConnectionLimits};
use crate::wait::Wait;

/// What a hub allows; docs/limits.md says what each costs.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Connections at once, of which users may have three quarters
    #[arg(long, value_name = "N", default_value_t = 32_768, value_parser = at_least_16)]
    max_connections: usize,

    /// TLS handshakes at once, of which one source may have a quarter
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = at_least_16)]
    max_handshakes: usize,

    /// Agents' sessions at once
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    max_sessions: usize,

    /// Agents that come back in a second after all have been lost
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    reconnects_per_second: u32,

    /// Streams at once on one link of an agent; 7,900 at most
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u16).range(1..=7900))]
    max_streams_per_link: u16,

    /// Streams opened in a second, of which one cluster may have four fifths
    ///
    /// One more gets 429 and may be asked for again at once.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_dials_per_second: u32,

    /// Bytes received from all agents that nobody has read yet
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    max_unread: ByteSize,

    /// The same on one link
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    max_unread_per_link: ByteSize,

    /// TCP streams (CONNECT, --forward-listen) at once
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    max_tcp_streams: usize,

    /// Those of them that one user, or one forwarding listener, may have
    #[arg(long, value_name = "N", default_value_t = 4096)]
    max_tcp_streams_per_user: usize,

    /// How long an agent may take to reach a target
    #[arg(long, value_name = "TIME", default_value = "10s")]
    dial_timeout: Wait,

    /// How long an API server may take to begin its answer; not for watches and the like
    #[arg(long, value_name = "TIME", default_value = "2m")]
    response_timeout: Wait,

    /// How long a TCP stream of CONNECT or --forward-listen may be silent before it is cut
    ///
    /// Noticed after once to twice as long.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    tcp_idle: Wait,

    /// How long a TCP stream may be open before it is cut; default: as long as it likes
    #[arg(long, value_name = "TIME")]
    tcp_lifetime: Option<Wait>,

    /// How long an upgraded connection (exec, port-forward, WebSocket) may be silent before it is cut
    ///
    /// Noticed after once to twice as long. kubectl's own pings are no silence.
    #[arg(long, value_name = "TIME", default_value = "4h")]
    upgrade_idle: Wait,

    /// How long an upgraded connection may be open before it is cut; default: as long as it likes
    #[arg(long, value_name = "TIME")]
    upgrade_lifetime: Option<Wait>,
}

impl LimitArgs {
    pub(super) fn gateway(&self) -> GatewayConfig {
        GatewayConfig {
            dial_timeout: self.dial_timeout.into(),
            response_timeout: self.response_timeout.into(),
            max_tcp_streams: self.max_tcp_streams,
            max_tcp_streams_per_user: self.max_tcp_streams_per_user,
            tcp_idle: Some(self.tcp_idle.into()),
            tcp_lifetime: self.tcp_lifetime.map(Wait::as_duration),
            upgrade_idle: Some(self.upgrade_idle.into()),
            upgrade_lifetime: self.upgrade_lifetime.map(Wait::as_duration),
            ..GatewayConfig::default()
        }
    }

    pub(super) fn proxy(&self) -> ProxyServerConfig {
        ProxyServerConfig {
            max_sessions: self.max_sessions,
            reconnects_per_second: self.reconnects_per_second,
            dials_per_second: self.max_dials_per_second,
            ..ProxyServerConfig::new(LinkConfig {
                max_streams: self.max_streams_per_link.into(),
                unread_budget: self.max_unread_per_link.bytes(),
                process_budget: Arc::new(ProcessBudget::new(self.max_unread.bytes() as u64)),
                ..hub::link_config()
            })
        }
    }

    pub(super) fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            open: self.max_connections,
            handshakes: self.max_handshakes,
        }
    }
}

/// Of fewer, a quarter would be nothing.
fn at_least_16(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 16..=1_000_000) => Ok(number),
        Ok(_) => Err("not between 16 and 1,000,000".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        limits: LimitArgs,
    }

    /// A flag's default is written beside its help, and must be the library's own.
    #[test]
    fn without_flags_the_limits_are_the_libraries_own() {
        let limits = Flags::parse_from(["hub"]).limits;
        let gateway = format!("{:?}", limits.gateway());
        assert_eq!(gateway, format!("{:?}", GatewayConfig::default()));
        let proxy = format!("{:?}", limits.proxy());
        let own = ProxyServerConfig::new(hub::link_config());
        assert_eq!(proxy, format!("{own:?}"));
        assert_eq!(limits.connections(), ConnectionLimits::default());
    }
}
