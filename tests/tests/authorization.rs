//! The API server's own authorizer, held against the real one: the same roles
//! and bindings, made from a seed, and the same questions.
//!
//! `ADIT_SEED` makes another set.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use api::GroupResource;
use apiserver::authorization::{
    Attributes, Object, Rbac, ResourceAttributes, check_binding, check_role,
};
use apiserver::{User, reviews};
use futures_util::StreamExt as _;
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::fixture::{Fixture, Home};
use tests::namespace::Namespace;
use tests::network::{CLUSTER, Memory, Network};
use tests::wait::{GENEROUS, once, until};
use tokio::sync::OnceCell;

#[path = "authorization/forms.rs"]
mod forms;
#[path = "authorization/generate.rs"]
mod generate;

use generate::{Generator, kind_of};

const RBAC: &str = "rbac.authorization.k8s.io";

struct Place {
    network: Network,
    cluster: Cluster,
    filled: OnceCell<Rbac>,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        self.network.cluster()
    }
}

static PLACE: Fixture<Place> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let cluster = Cluster::start(needs, network.cluster(), CLUSTER).await?;
        Ok(Place {
            network,
            cluster,
            filled: OnceCell::new(),
        })
    })
});

impl Place {
    async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.cluster.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        Client::try_from(config.unwrap()).unwrap()
    }
}

/// Makes the objects, waits until the real server heeds them, and reads all.
async fn fill(client: &Client, generator: &mut Generator) -> Rbac {
    for namespace in generate::NAMESPACES {
        let object = json!({"metadata": {"name": namespace}});
        post(client, "/api/v1/namespaces", &object, &[])
            .await
            .unwrap();
    }
    for object in generator.objects() {
        let created = post(client, &collection(&object), &object, &[]).await;
        created.unwrap_or_else(|error| panic!("{error:?}: {object}"));
    }
    for namespace in generate::NAMESPACES.into_iter().chain([""]) {
        let heeded = async || {
            let review = json!({"spec": {"user": generate::LAST, "resourceAttributes": {"verb": "last", "group": "last", "resource": "last", "namespace": namespace}}});
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            let answer = post(client, path, &review, &[]).await.unwrap();
            once(answer["status"]["allowed"] == true)
        };
        until("the real server's heed", GENEROUS, heeded)
            .await
            .unwrap();
    }
    let rbac = Rbac::default();
    for resource in [
        "clusterroles",
        "clusterrolebindings",
        "roles",
        "rolebindings",
    ] {
        let request = Request::get(format!("/apis/{RBAC}/v1/{resource}"));
        let list: Value = client
            .request(request.body(Vec::new()).unwrap())
            .await
            .unwrap();
        let resource = GroupResource {
            group: RBAC.into(),
            resource: resource.into(),
        };
        for object in list["items"].as_array().unwrap() {
            rbac.put(&resource, object);
        }
    }
    rbac
}

fn collection(object: &Value) -> String {
    let plural = format!("{}s", kind_of(object).to_lowercase());
    match object["metadata"]["namespace"].as_str() {
        None => format!("/apis/{RBAC}/v1/{plural}"),
        Some(namespace) => format!("/apis/{RBAC}/v1/namespaces/{namespace}/{plural}"),
    }
}

async fn post(
    client: &Client,
    path: &str,
    object: &Value,
    headers: &[(&str, &str)],
) -> Result<Value, (u16, String)> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(object.to_string().into_bytes()).unwrap();
    client.request(request).await.map_err(|error| {
        let kube::Error::Api(status) = error else {
            panic!("{error}");
        };
        (status.code, status.message.clone())
    })
}

/// A client of the real server, and an authorizer with what that holds.
async fn filled(place: &Place) -> (Client, &Rbac) {
    let client = place.client().await;
    let fill = async || fill(&client, &mut Generator::seeded()).await;
    let rbac = place.filled.get_or_init(fill).await;
    (client, rbac)
}

#[test]
fn reviews_of_access_are_answered_as_by_the_real_server() {
    PLACE.test(async |place| {
        let (client, rbac) = filled(place).await;
        let client = &client;
        let mut generator = Generator::seeded();
        let questions: Vec<Value> = (0..2000).map(|_| generator.review()).collect();
        let answers = futures_util::stream::iter(questions).map(|review| async move {
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            let theirs = post(client, path, &review, &[]).await.unwrap();
            (review, theirs)
        });
        let mut answers = answers.buffer_unordered(16);
        let mut allowed = 0;
        while let Some((review, theirs)) = answers.next().await {
            let ours = reviews::subject_access(rbac, review.clone()).unwrap();
            let (ours, theirs) = (&ours["status"], &theirs["status"]);
            assert_eq!(
                ours["allowed"], theirs["allowed"],
                "{review}: {ours} {theirs}"
            );
            // The real server meets bindings in no order: where several allow,
            // either may be told, and missing roles in any order.
            let parts = |status: &Value| {
                let reason = status["reason"].as_str().unwrap_or_default().to_owned();
                let reason = reason
                    .trim_start_matches("RBAC: ")
                    .trim_matches(['[', ']'])
                    .to_owned();
                let mut parts: Vec<String> = reason.split(", ").map(ToOwned::to_owned).collect();
                parts.sort();
                parts
            };
            if ours["allowed"] == true {
                allowed += 1;
                assert_eq!(
                    ours["reason"].is_null(),
                    theirs["reason"].is_null(),
                    "{review}"
                );
            } else {
                assert_eq!(parts(ours), parts(theirs), "{review}");
            }
        }
        assert!(
            (200..1800).contains(&allowed),
            "only {allowed} of 2000 allowed"
        );
    });
}

#[test]
fn nobody_gives_away_more_than_the_real_server_lets_him() {
    PLACE.test(async |place| {
        let (client, rbac) = filled(place).await;
        let client = &client;
        let mut generator = Generator::seeded();
        let (mut given, mut refused) = (0, 0);
        for _ in 0..400 {
            let object = generator.new_object();
            let user = generator.writer();
            let path = format!("{}?dryRun=All", collection(&object));
            let mut headers = vec![("impersonate-user", user.name.as_str())];
            let groups = user
                .groups
                .iter()
                .filter(|group| *group != User::AUTHENTICATED);
            headers.extend(groups.map(|group| ("impersonate-group", group.as_str())));
            let theirs = post(client, &path, &object, &headers).await.map(drop);
            let ours = check(rbac, &user, &object);
            match &theirs {
                Ok(()) => given += 1,
                Err(_) => refused += 1,
            }
            assert_eq!(ours, theirs, "{user:?}: {object}");
        }
        assert!(
            given > 20 && refused > 20,
            "{given} given, {refused} refused"
        );
    });
}

fn check(rbac: &Rbac, user: &User, object: &Value) -> Result<(), (u16, String)> {
    let resource = format!("{}s", kind_of(object).to_lowercase());
    let request = Attributes {
        user,
        verb: "create",
        on: Object::Resource(ResourceAttributes {
            group: RBAC,
            namespace: object["metadata"]["namespace"].as_str().unwrap_or_default(),
            resource: &resource,
            ..ResourceAttributes::default()
        }),
    };
    let checked = if object.get("roleRef").is_some() {
        check_binding(rbac, &request, object, None)
    } else {
        check_role(rbac, &request, object, None)
    };
    checked.map_err(|status| (status.code().as_u16(), status.message().to_owned()))
}
