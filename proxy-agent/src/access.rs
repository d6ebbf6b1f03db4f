use std::sync::Arc;

use rustls::client::Resumption;
use rustls_pki_types::ServerName;
use tokio::sync::watch;

use crate::{HubAddress, HubLogin};

/// Where an agent's hubs are, whom it trusts as one, and what it shows them.
#[derive(Clone, Debug)]
pub struct HubAccess {
    /// Where the hub is reached; tried in turn. At least one.
    pub hubs: Vec<HubAddress>,
    /// Whom the agent trusts as a hub, and the certificate it shows; see
    /// [`AgentConfig::tls`](crate::AgentConfig::tls).
    pub tls: Arc<rustls::ClientConfig>,
    /// The name that the hub's certificate is for, whatever its address.
    pub server_name: ServerName<'static>,
    /// By what the hub knows the agent.
    pub login: HubLogin,
}

/// Gives a running agent another certificate, other hubs, others to trust.
#[derive(Clone, Debug)]
pub struct Renewal {
    access: watch::Sender<Arc<HubAccess>>,
}

/// The access as it is now, and as it was when a session last came about.
#[derive(Debug)]
pub(crate) struct CurrentAccess {
    access: watch::Receiver<Arc<HubAccess>>,
    proven: Option<Arc<HubAccess>>,
}

impl Renewal {
    /// The agent makes a new session with this, and lets the one it has run on
    /// until its streams have ended, for an hour at most.
    ///
    /// If no hub lets it in with this, it goes on with what it had, until the
    /// next session or renewal. An access without a hub is not taken up.
    pub fn renew(&self, access: HubAccess) {
        if !access.hubs.is_empty() {
            self.access.send_replace(Arc::new(prepared(access)));
        }
    }
}

impl Renewal {
    /// What the agent has been given last, now and later.
    pub(crate) fn access(&self) -> watch::Receiver<Arc<HubAccess>> {
        self.access.subscribe()
    }
}

impl CurrentAccess {
    pub(crate) fn new(access: HubAccess) -> (Self, Renewal) {
        let (sender, receiver) = watch::channel(Arc::new(prepared(access)));
        let this = Self {
            access: receiver,
            proven: None,
        };
        (this, Renewal { access: sender })
    }

    /// What to try, in turn: the newest, and what has worked before.
    pub(crate) fn candidates(&mut self) -> Vec<Arc<HubAccess>> {
        let newest = Arc::clone(&self.access.borrow_and_update());
        let proven = self.proven.clone();
        let other = proven.filter(|proven| !Arc::ptr_eq(proven, &newest));
        [newest].into_iter().chain(other).collect()
    }

    /// What a hub has let the agent in with, if one has.
    pub(crate) fn proven(&self) -> Option<Arc<HubAccess>> {
        self.proven.clone()
    }

    /// A hub has let the agent in with this.
    pub(crate) fn note_proven(&mut self, access: &Arc<HubAccess>) {
        self.proven = Some(Arc::clone(access));
    }

    /// Whether there is no hub to connect to.
    pub(crate) fn is_empty(&self) -> bool {
        self.access.borrow().hubs.is_empty()
    }

    /// Waits for an access that has not been tried. Cancel-safe.
    pub(crate) async fn renewed(&mut self) {
        if self.access.changed().await.is_err() {
            // Nobody is left who could renew it.
            std::future::pending().await
        }
    }
}

fn prepared(mut access: HubAccess) -> HubAccess {
    let tls = Arc::make_mut(&mut access.tls);
    tls.alpn_protocols = vec![access.login.alpn().to_vec()];
    // A resumed connection would not show the certificate again.
    tls.resumption = Resumption::disabled();
    access
}
