use tunnel::LinkConfig;

/// What the hub's end allows.
#[derive(Clone, Debug)]
pub struct ProxyServerConfig {
    /// What every session allows; each agent's streams cost at most what it says.
    pub session: LinkConfig,
    /// Sessions at once, those of all clusters together. Default 20,000.
    ///
    /// Each costs a connection and a task. One more is rejected, and the agent
    /// told that the hub is full.
    pub max_sessions: usize,
}

impl ProxyServerConfig {
    /// The defaults, with `session`.
    pub fn new(session: LinkConfig) -> Self {
        Self {
            session,
            max_sessions: 20_000,
        }
    }
}
