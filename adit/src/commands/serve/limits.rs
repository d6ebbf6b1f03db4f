//! The flags for an agent's limits.

use proxy_agent::AgentLimits;

use crate::byte_size::ByteSize;
use crate::wait::Wait;

/// What an agent allows; docs/limits.md says what each costs.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Streams that the hub may ask for in a second; more are refused as busy
    #[arg(long, value_name = "N", default_value_t = 8000, value_parser = clap::value_parser!(u32).range(1..))]
    max_dials_per_second: u32,

    /// Streams served at once on one link with the hub; 7,900 at most
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u16).range(1..=7900))]
    max_streams: u16,

    /// How long looking a target up and connecting to it may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    dial_timeout: Wait,

    /// Bytes received from the hub that no target has taken yet
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    max_unread: ByteSize,

    /// The same on one link
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    max_unread_per_link: ByteSize,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> AgentLimits {
        AgentLimits {
            dials_per_second: self.max_dials_per_second,
            dial_timeout: self.dial_timeout.into(),
            max_streams: self.max_streams.into(),
            max_unread: self.max_unread_per_link.bytes(),
            max_unread_in_all: self.max_unread.bytes(),
        }
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
    fn without_flags_the_limits_are_the_librarys_own() {
        let limits = Flags::parse_from(["agent"]).limits.limits();
        let own = AgentLimits::default();
        assert_eq!(format!("{limits:?}"), format!("{own:?}"));
    }
}
