//! The agent is killed at each of its writes.

use serde_json::{Value, json};

use super::faults::Fault;
use super::world::{APPLIED, MAPS, World, manifests, map, until};

/// More than any of these takes.
const MOST: usize = 40;

/// Runs an agent until its `writes`th write fails. Tells whether there were so many.
async fn killed(
    world: &mut World,
    writes: usize,
    after: bool,
    done: impl AsyncFn(&World) -> bool,
) -> bool {
    let fault = Fault::after_writes(writes, after);
    let hub = fault.client(world.hub.client());
    let managed = fault.client(world.managed.client());
    world.start_agent_with(hub, managed);
    until("it is killed, or done", async || {
        fault.has_struck() || done(world).await
    })
    .await;
    let has_struck = fault.has_struck();
    world.stop_agent().await;
    has_struck
}

async fn is_applied(world: &World) -> bool {
    let applied = world.condition("w", "Applied").await;
    applied.is_some_and(|(status, _)| status == "True")
}

/// The objects that are left of works, by name.
async fn made(world: &World) -> Vec<String> {
    let maps = world.on_managed().get(MAPS).await.unwrap();
    let maps = maps["items"].as_array().unwrap();
    let maps = maps.iter().filter(|of| of["data"].get("k").is_some());
    maps.map(|of| of["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn applied_works(world: &World) -> usize {
    let applied = world.on_managed().get(APPLIED).await.unwrap();
    applied["items"].as_array().unwrap().len()
}

/// Whatever an agent has come to, the next one ends with just what the work says:
/// nothing lost, nothing doubled, and nothing that no work knows of.
#[tokio::test]
async fn a_kill_during_an_apply_loses_nothing_and_leaves_nothing() {
    for after in [false, true] {
        for writes in 0..MOST {
            let mut world = World::without_agent().await;
            world
                .create_work("w", manifests(&[map("a", "1"), map("b", "1")]))
                .await;
            let was_killed = killed(&mut world, writes, after, is_applied).await;
            // What was to be made is not wanted any more when the next agent comes.
            world
                .patch_work(
                    "w",
                    json!({"spec": manifests(&[map("b", "2"), map("c", "1")])}),
                )
                .await;
            world.start_agent();
            world.applied("w").await;
            until("all is listed", async || {
                world.listed("w").await == ["b", "c"]
            })
            .await;
            assert_eq!(made(&world).await, ["b", "c"], "{writes} {after}");
            world.map_has("b", "2").await;
            assert_eq!(applied_works(&world).await, 1);
            for name in ["b", "c"] {
                assert_eq!(world.owners(name).await, 1);
            }
            world.delete_work("w").await;
            world.work_gone("w").await;
            assert!(made(&world).await.is_empty(), "{writes} {after}");
            assert_eq!(applied_works(&world).await, 0);
            if !was_killed {
                break;
            }
            assert!(writes + 1 < MOST, "it takes more writes than are tried");
        }
    }
}

async fn is_gone(world: &World) -> bool {
    world.work("w").await.is_none()
}

/// The same during a deletion, some of which is to stay.
#[tokio::test]
async fn a_kill_during_a_deletion_leaves_what_is_to_stay_and_nothing_else() {
    let orphan = json!({"propagationPolicy": "SelectivelyOrphan", "selectivelyOrphans":
        {"orphaningRules": [{"group": "", "resource": "configmaps",
            "namespace": "default", "name": "stays"}]}});
    for after in [false, true] {
        for writes in 0..MOST {
            let mut world = World::start().await;
            let objects: Vec<Value> = ["a", "b", "stays"].map(|name| map(name, "1")).into();
            world.create_work("w", manifests(&objects)).await;
            world.create_work("x", manifests(&[map("b", "1")])).await;
            world.applied("w").await;
            world.applied("x").await;
            world.stop_agent().await;
            world
                .patch_work("w", json!({"spec": {"deleteOption": orphan}}))
                .await;
            world.delete_work("w").await;
            let was_killed = killed(&mut world, writes, after, is_gone).await;
            world.start_agent();
            world.work_gone("w").await;
            assert_eq!(made(&world).await, ["b", "stays"], "{writes} {after}");
            assert_eq!(world.owners("b").await, 1);
            assert_eq!(world.owners("stays").await, 0);
            assert_eq!(applied_works(&world).await, 1);
            if !was_killed {
                break;
            }
            assert!(writes + 1 < MOST, "it takes more writes than are tried");
        }
    }
}
