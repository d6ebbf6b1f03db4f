use std::time::Duration;

use crate::wire;

/// How an agent finds its hub again when its session is lost, as the hub tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reconnect {
    /// Every replica of the hub, `host:port` each; at most 16 are kept.
    pub hubs: Vec<String>,
    /// The time over which the first attempts of all agents are to be spread;
    /// whole milliseconds, at most 10 minutes.
    pub spread: Duration,
}

const MAX_HUBS: usize = 16;
/// A host name, brackets and a port.
const MAX_HUB_LEN: usize = 262;
const MAX_SPREAD: Duration = Duration::from_secs(600);

impl Reconnect {
    pub(crate) fn from_wire(reconnect: wire::Reconnect) -> Self {
        let spread = Duration::from_millis(reconnect.spread_ms.into());
        let plain = |hub: &String| hub.len() <= MAX_HUB_LEN && !hub.contains(char::is_control);
        Self {
            hubs: reconnect
                .hubs
                .into_iter()
                .filter(plain)
                .take(MAX_HUBS)
                .collect(),
            spread: spread.min(MAX_SPREAD),
        }
    }

    pub(crate) fn to_wire(&self) -> wire::Reconnect {
        let spread = self.spread.min(MAX_SPREAD).as_millis();
        wire::Reconnect {
            hubs: self.hubs.iter().take(MAX_HUBS).cloned().collect(),
            spread_ms: u32::try_from(spread).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_cannot_make_an_agent_wait_or_remember_without_end() {
        let heard = Reconnect::from_wire(wire::Reconnect {
            hubs: (0..100).map(|n| format!("hub-{n}:8443")).collect(),
            spread_ms: u32::MAX,
        });
        assert_eq!((heard.hubs.len(), heard.spread), (MAX_HUBS, MAX_SPREAD));
        let hostile = wire::Reconnect {
            hubs: vec!["x".repeat(10_000), "hub\n:1".to_owned()],
            spread_ms: 0,
        };
        assert_eq!(Reconnect::from_wire(hostile), Reconnect::default());
    }
}
