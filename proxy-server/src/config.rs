use tunnel::LinkConfig;

/// What the hub's end allows.
#[derive(Clone, Debug)]
pub struct ProxyServerConfig {
    /// What every link allows; each agent's streams cost at most what it says.
    pub link: LinkConfig,
    /// Sessions at once, those of all clusters together. Default 20,000.
    ///
    /// Each costs a connection and a task. One more is rejected, and the agent
    /// told that the hub is full.
    pub max_sessions: usize,
    /// Streams to the hub itself that one session may have at once, on all its
    /// links. Default 128; one more is refused as busy.
    pub max_hub_streams: usize,
    /// Streams to targets that are opened in a second, and at most as many at
    /// once. Default 10,000, of which one cluster may have four fifths.
    ///
    /// Each costs a tenth to a fifth of a millisecond of a core with all that
    /// goes with it, so that two cores are full at about this. One more is not
    /// opened, which costs next to nothing.
    pub dials_per_second: u32,
    /// Agents that may come back in a second after all have been lost. Default 500.
    ///
    /// Each costs about a millisecond of one core. Agents are told to spread
    /// their first attempts accordingly: ten thousand over at least 20 s.
    pub reconnects_per_second: u32,
    /// Addresses of all replicas of this hub, `host:port` each, as agents are
    /// told them; at most 16. Default none: agents know what they were started with.
    pub hubs: Vec<String>,
}

impl ProxyServerConfig {
    /// The defaults, with `link`.
    pub fn new(link: LinkConfig) -> Self {
        Self {
            link,
            max_sessions: 20_000,
            max_hub_streams: 128,
            dials_per_second: 10_000,
            reconnects_per_second: 500,
            hubs: Vec::new(),
        }
    }
}
