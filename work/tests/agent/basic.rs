//! 2.1, 2.3, 2.4 and the scenarios "Work basic".

use serde_json::{Value, json};

use super::world::{FINALIZER, MAPS, World, manifests, map, map_path, until};

/// "single/multiple manifests create/update/delete".
#[tokio::test]
async fn manifests_are_made_changed_and_taken_away_with_their_work() {
    let world = World::start().await;
    world
        .create_work("w", manifests(&[map("a", "1"), map("b", "1")]))
        .await;
    world.applied("w").await;
    assert_eq!(world.map("a").await.unwrap()["data"], json!({"k": "1"}));
    assert_eq!(world.listed("w").await, ["a", "b"]);

    world
        .patch_work(
            "w",
            json!({"spec": manifests(&[map("a", "2"), map("c", "1")])}),
        )
        .await;
    world.applied("w").await;
    world.map_has("a", "2").await;
    world.map_has("c", "1").await;
    world.map_gone("b").await;
    until("b is listed no more", async || {
        world.listed("w").await == ["a", "c"]
    })
    .await;

    world.delete_work("w").await;
    world.work_gone("w").await;
    for name in ["a", "c"] {
        assert_eq!(world.map(name).await, None);
    }
    assert_eq!(world.applied_work("w").await, None);
}

/// 2.1 finalizers and status; 2.3 the AppliedManifestWork, its owner references.
#[tokio::test]
async fn a_work_has_its_applied_work_its_finalizers_and_its_status() {
    let world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;

    let work = world.work("w").await.unwrap();
    assert_eq!(work["metadata"]["finalizers"], json!([FINALIZER]));
    let manifest = &work["status"]["resourceStatus"]["manifests"][0];
    assert_eq!(
        manifest["resourceMeta"],
        json!({"ordinal": 0, "group": "", "version": "v1", "kind": "ConfigMap",
            "resource": "configmaps", "namespace": "default", "name": "a"})
    );
    for (type_, reason) in [
        ("Applied", "AppliedManifestWorkComplete"),
        ("Available", "ResourcesAvailable"),
    ] {
        let condition = world.condition("w", type_).await;
        assert_eq!(condition, Some(("True".to_owned(), reason.to_owned())));
    }

    let applied = world.applied_work("w").await.unwrap();
    let finalizer = "cluster.open-cluster-management.io/applied-manifest-work-cleanup";
    assert_eq!(applied["metadata"]["finalizers"], json!([finalizer]));
    assert_eq!(
        applied["spec"],
        json!({"hubHash": world.options.hub_hash, "agentID": "agent1", "manifestWorkName": "w"})
    );
    let object = world.map("a").await.unwrap();
    assert_eq!(
        applied["status"]["appliedResources"],
        json!([{"group": "", "version": "v1", "resource": "configmaps",
            "namespace": "default", "name": "a", "uid": object["metadata"]["uid"]}])
    );
    assert_eq!(
        object["metadata"]["ownerReferences"],
        json!([{"apiVersion": "work.open-cluster-management.io/v1",
            "kind": "AppliedManifestWork", "name": applied["metadata"]["name"],
            "uid": applied["metadata"]["uid"]}])
    );
}

/// "observedGeneration/lastTransitionTime"; nothing is written when nothing changes.
#[tokio::test]
async fn a_status_is_written_once_for_each_change() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    world.map_has("a", "1").await;
    let before = world.work("w").await.unwrap();
    let object = world.map("a").await.unwrap();
    world.stop_agent().await;
    world.start_agent();
    // Something that the agent does after it has been through the other work.
    world.create_work("x", manifests(&[map("x", "1")])).await;
    world.applied("x").await;
    world
        .patch_work("w", json!({"metadata": {"labels": {"a": "b"}}}))
        .await;
    until("labels are copied", async || {
        let applied = world.applied_work("w").await.unwrap();
        applied["metadata"]["labels"] == json!({"a": "b"})
    })
    .await;
    assert_eq!(world.work("w").await.unwrap()["status"], before["status"]);
    assert_eq!(world.map("a").await.unwrap(), object);
}

/// "CRD+CR": usable a moment later, in the same work.
#[tokio::test]
async fn a_custom_resource_comes_with_its_definition() {
    let world = World::start().await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"}},
    });
    let widget = json!({
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default"},
        "spec": {"size": 1},
    });
    world
        .create_work("w", manifests(&[widget, definition]))
        .await;
    world.applied("w").await;
    let path = "/apis/example.com/v1/namespaces/default/widgets/w";
    assert_eq!(
        world.on_managed().get(path).await.unwrap()["spec"]["size"],
        1
    );
    let work = world.work("w").await.unwrap();
    let manifests = &work["status"]["resourceStatus"]["manifests"];
    assert_eq!(manifests[0]["resourceMeta"]["resource"], "widgets");
    assert_eq!(
        manifests[1]["resourceMeta"]["kind"],
        "CustomResourceDefinition"
    );
    assert_eq!(world.listed("w").await, ["widgets.example.com", "w"]);
}

/// 2.1: unknown kind ⇒ Applied False for that manifest only. 2.4: the others are
/// still applied.
#[tokio::test]
async fn an_unknown_kind_fails_alone() {
    let world = World::start().await;
    let unknown = json!({"apiVersion": "example.com/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "default"}});
    world
        .create_work("w", manifests(&[unknown, map("a", "1")]))
        .await;
    world.not_applied("w").await;
    world.map_has("a", "1").await;
    let condition = world.manifest_condition("w", 0, "Applied").await.unwrap();
    assert_eq!(condition["status"], "False");
    assert_eq!(condition["reason"], "AppliedManifestFailed");
    let message = condition["message"].as_str().unwrap();
    assert!(
        message.starts_with("Failed to apply manifest: no matches for kind"),
        "{message}"
    );
    let condition = world.manifest_condition("w", 1, "Applied").await.unwrap();
    assert_eq!(condition["status"], "True");
}

/// "merge annotations", "keep finalizers": what is there already is taken up.
#[tokio::test]
async fn an_object_that_is_there_is_taken_up() {
    let world = World::start().await;
    let mut theirs = map("a", "0");
    theirs["metadata"]["annotations"] = json!({"theirs": "1"});
    theirs["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    world.on_managed().post(MAPS, &theirs).await.unwrap();
    let mut mine = map("a", "1");
    mine["metadata"]["annotations"] = json!({"mine": "1"});
    mine["metadata"]["uid"] = "stripped".into();
    world.create_work("w", manifests(&[mine])).await;
    world.applied("w").await;
    let object = world.map("a").await.unwrap();
    let annotations = json!({"theirs": "1", "mine": "1"});
    assert_eq!(object["metadata"]["annotations"], annotations);
    assert_eq!(
        object["metadata"]["finalizers"],
        json!(["example.com/theirs"])
    );
    assert_eq!(object["data"]["k"], "1");
    assert_eq!(world.owners("a").await, 1);
}

/// "cluster-scoped", "SA+Role+Deployment", "RoleRef change".
#[tokio::test]
async fn a_binding_that_binds_otherwise_is_made_anew() {
    let world = World::start().await;
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "s", "namespace": "n"}});
    let binding = |role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": "n"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "n"}],
        })
    };
    let of = |role: &str| manifests(&[binding(role), account.clone(), space.clone()]);
    world.create_work("w", of("view")).await;
    world.applied("w").await;
    world.patch_work("w", json!({"spec": of("edit")})).await;
    world.applied("w").await;
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/n/rolebindings/b";
    let binding = world.on_managed().get(path).await.unwrap();
    assert_eq!(binding["roleRef"]["name"], "edit");
}

/// Drift: what was applied is put right at once, and its loss too.
#[tokio::test]
async fn what_others_change_is_put_right() {
    let mut world = World::without_agent().await;
    // By being told, and not by looking.
    world.options.poll_interval = std::time::Duration::from_secs(3600);
    world.start_agent();
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    let change = json!({"data": {"k": "changed", "more": "1"}});
    world
        .on_managed()
        .merge(&map_path("a"), &change)
        .await
        .unwrap();
    until("a is put right", async || {
        world.map("a").await.unwrap()["data"] == json!({"k": "1"})
    })
    .await;
    world.on_managed().delete(&map_path("a")).await;
    world.map_has("a", "1").await;
}

/// Beyond the bound of watches, objects are looked at from time to time.
#[tokio::test]
async fn what_is_not_watched_is_put_right_as_well() {
    let mut world = World::without_agent().await;
    world.options.watches = 0;
    world.start_agent();
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    let change = json!({"data": {"k": "changed"}});
    world
        .on_managed()
        .merge(&map_path("a"), &change)
        .await
        .unwrap();
    world.map_has("a", "1").await;
}

/// "completion": a manifest, and a work, that is complete is applied no more.
#[tokio::test]
async fn a_complete_work_is_frozen() {
    let world = World::start().await;
    let mut spec = manifests(&[map("a", "1")]);
    spec["manifestConfigs"] = json!([{
        "resourceIdentifier": {"group": "", "resource": "configmaps", "namespace": "default",
            "name": "a"},
        "conditionRules": [{"condition": "Complete", "type": "CEL",
            "celExpressions": ["object.data.k == '1'"]}],
    }]);
    world.create_work("w", spec).await;
    until("it is complete", async || {
        let complete = world.condition("w", "Complete").await;
        complete.is_some_and(|(status, _)| status == "True")
    })
    .await;
    let frozen: Value = json!({"spec": {"workload": {"manifests": [map("a", "2")]}}});
    world.patch_work("w", frozen).await;
    world.create_work("x", manifests(&[map("x", "1")])).await;
    world.applied("x").await;
    assert_eq!(world.map("a").await.unwrap()["data"]["k"], "1");
    world.delete_work("w").await;
    world.work_gone("w").await;
    assert_eq!(world.map("a").await, None);
}

/// 10 workers: many works at once all arrive.
#[tokio::test]
async fn many_works_are_applied() {
    let world = World::start().await;
    for number in 0..30 {
        let name = format!("w{number}");
        world
            .create_work(&name, manifests(&[map(&name, "1")]))
            .await;
    }
    for number in 0..30 {
        world.applied(&format!("w{number}")).await;
    }
    let made = world.on_managed().get(MAPS).await.unwrap();
    let made = made["items"].as_array().unwrap();
    let made = made.iter().filter(|of| of["data"]["k"] == "1");
    assert_eq!(made.count(), 30);
}
