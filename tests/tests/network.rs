//! The harness itself: is the cluster really where no route leads?

use std::net::SocketAddr;
use std::time::Duration;

use tests::cluster::{API_PORT, Cluster, User};
use tests::fixture::{Fixture, Home};
use tests::kubectl::Kubectl;
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::wait::GENEROUS;

struct Place {
    needs: &'static Needs,
    network: Network,
    cluster: Cluster,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        self.network.hub(0)
    }
}

static PLACE: Fixture<Place> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let cluster = Cluster::start(needs, network.cluster(), CLUSTER).await?;
        Ok(Place {
            needs,
            network,
            cluster,
        })
    })
});

#[test]
fn kubectl_works_beside_the_api_server() {
    PLACE.test(async |place| {
        let kubectl = Kubectl::new(
            place.needs,
            place.network.cluster(),
            place.cluster.kubeconfig(),
            User::ADMIN.name,
        );
        let nodes = kubectl.unwrap().run(&["get", "nodes"]).await.unwrap().ok();
        assert!(nodes.contains("Ready"), "{nodes}");
    });
}

#[test]
fn no_route_leads_to_the_api_server_from_outside() {
    PLACE.test(async |place| {
        let server = SocketAddr::from((CLUSTER, API_PORT));
        place
            .network
            .cluster()
            .connect(server, GENEROUS)
            .expect("it listens");
        let reached = place.network.hub(0).connect(server, Duration::from_secs(2));
        assert!(reached.is_err(), "{reached:?}");
    });
}

#[test]
fn the_cluster_reaches_a_hub_and_is_seen_as_the_router() {
    PLACE.test(async |place| {
        let address = SocketAddr::from((place.network.hub_address(0), 1));
        let listener = place.network.hub(0).listen(address).unwrap();
        let _outward = place.network.cluster().connect(address, GENEROUS).unwrap();
        let (_inward, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip(), place.network.router_address(0));
    });
}
