//! A hub in one file, and back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, Finished, Identity, TestHub, arg, run, until};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Makes an object named by a number; the answer's code.
async fn make(client: &Client, number: u32) -> u16 {
    let name = format!("n{number}");
    let object = json!({"metadata": {"name": name}, "data": {"x": "y".repeat(5000)}});
    client.post(CONFIG_MAPS, &object).await
}

/// The revision of the list, and the names in it that are numbers.
async fn list(client: &Client) -> (u64, Vec<u32>) {
    let answer = client.get(CONFIG_MAPS).await.unwrap();
    assert_eq!(answer.code, 200, "{}", answer.body);
    let list: Value = serde_json::from_str(&answer.body).unwrap();
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let names = items.map(|item| item["metadata"]["name"].as_str().unwrap());
    let mut numbers: Vec<u32> = names
        .filter_map(|name| name.strip_prefix('n')?.parse().ok())
        .collect();
    numbers.sort_unstable();
    (revision.parse().unwrap(), numbers)
}

async fn backup(hub: &TestHub, name: &str) -> PathBuf {
    let file = hub.beside(name);
    hub.adit(&["backup", arg(&file)]).await;
    file
}

async fn restore(file: &Path, to: &Path) -> Finished {
    run(&["restore", arg(file), "--data-dir", arg(to)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_hub_is_backed_up_and_comes_back_with_all_that_it_had() {
    let mut hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    let token = hub
        .adit(&[
            "token",
            "create",
            "--user",
            "a",
            "--group",
            "system:masters",
        ])
        .await
        .stdout;
    let _agent = hub.cluster_with("edge-1", "192.0.2.1:80").await;
    for number in 0..50 {
        assert_eq!(make(&admin, number).await, 201);
    }
    let (before, _) = list(&admin).await;
    let mut writer = JoinSet::new();
    let writing = hub.client(hub.administrator());
    writer.spawn(async move {
        for number in 50.. {
            if make(&writing, number).await != 201 {
                break;
            }
        }
    });
    until("a write beside it", async || {
        list(&admin).await.1.len() > 50
    })
    .await;
    let file = backup(&hub, "backup").await;
    writer.shutdown().await;
    let (after, _) = list(&admin).await;
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    hub.stop().await;
    fs::remove_dir_all(hub.data()).unwrap();
    let restored = restore(&file, &hub.data()).await;
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    hub.start_again().await;

    let admin = hub.client(hub.administrator());
    let (revision, numbers) = list(&admin).await;
    assert!(numbers.len() > 50, "{numbers:?}");
    // What was there is one picture: no object without those made before it.
    assert!(
        numbers.iter().copied().eq(0..numbers.len() as u32),
        "{numbers:?}"
    );
    assert!(revision > after, "{revision} after {after}");
    assert_eq!(make(&admin, 1_000_000).await, 201);
    assert!(list(&admin).await.0 > revision);
    let old = format!("{CONFIG_MAPS}?watch=true&resourceVersion={before}");
    let gone = admin.get(&old).await.unwrap();
    assert!(gone.body.contains("410"), "{}: {}", gone.code, gone.body);
    let user = hub.client(Identity::Token(token.trim().to_owned()));
    assert_eq!(user.get("/sessions").await.unwrap().code, 200);
    until("the agent is back", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_has_stopped_is_backed_up_as_well() {
    let mut hub = TestHub::start().await;
    assert_eq!(make(&hub.client(hub.administrator()), 1).await, 201);
    hub.stop().await;
    let file = backup(&hub, "backup").await;
    // The same directory goes on, and the backup is another.
    hub.start_again().await;
    let admin = hub.client(hub.administrator());
    assert_eq!(make(&admin, 2).await, 201);
    hub.stop().await;
    fs::rename(hub.data(), hub.beside("old")).unwrap();
    let restored = restore(&file, &hub.data()).await;
    assert!(
        restored.stdout.contains("adit hub --data-dir"),
        "{restored:?}"
    );
    hub.start_again().await;
    assert_eq!(list(&hub.client(hub.administrator())).await.1, [1]);
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_and_makes_nothing() {
    let hub = TestHub::start().await;
    let file = backup(&hub, "backup").await;
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let cases: [(&str, &[u8], &str); 4] = [
        ("cut", &whole[..whole.len() - 1], "it is cut off"),
        ("half", &whole[..middle], "it is cut off"),
        ("flipped", &flipped, "it is damaged"),
        ("else", b"something else", "it is no backup of a hub"),
    ];
    for (name, contents, why) in cases {
        let damaged = hub.beside(name);
        fs::write(&damaged, contents).unwrap();
        let to = hub.beside("restored");
        let refused = restore(&damaged, &to).await;
        assert_eq!(refused.code, 1, "{name}");
        assert!(refused.stderr.contains(why), "{name}: {}", refused.stderr);
        let told = refused.stderr.contains("nothing was restored");
        assert!(
            told && refused.stderr.contains(arg(&damaged)),
            "{refused:?}"
        );
        assert!(!to.exists(), "{name}");
    }
}

#[tokio::test]
async fn nothing_that_is_there_is_overwritten() {
    let hub = TestHub::start().await;
    let file = backup(&hub, "backup").await;
    let again = run(&["backup", arg(&file), "--data-dir", arg(&hub.data())]).await;
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("is there already"),
        "{}",
        again.stderr
    );
    let into = restore(&file, &hub.data()).await;
    assert_eq!(into.code, 1);
    assert!(into.stderr.contains("is not empty"), "{}", into.stderr);
    assert!(list(&hub.client(hub.administrator())).await.1.is_empty());
    let left: Vec<_> = fs::read_dir(hub.beside("")).unwrap().flatten().collect();
    let left: Vec<_> = left.iter().map(fs::DirEntry::file_name).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn a_restore_that_was_cut_short_makes_no_hub() {
    let hub = TestHub::start().await;
    let file = backup(&hub, "backup").await;
    let to = hub.beside("restored");
    assert_eq!(restore(&file, &to).await.code, 0);
    fs::write(to.join("restore.incomplete"), "").unwrap();
    for args in [
        ["hub", "--listen", "127.0.0.1:0"].as_slice(),
        &["token", "list"],
    ] {
        let refused = run(&[args, &["--data-dir", arg(&to)]].concat()).await;
        assert_eq!(refused.code, 1, "{args:?}");
        assert!(
            refused.stderr.contains("was cut short"),
            "{}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn only_administrators_are_given_the_store() {
    let hub = TestHub::start().await;
    let token = hub
        .adit(&["token", "create", "--user", "jane"])
        .await
        .stdout;
    let jane = hub.client(Identity::Token(token.trim().to_owned()));
    assert_eq!(jane.get("/backup").await.unwrap().code, 403);
    let stranger = hub.client(Identity::Nobody);
    assert_eq!(stranger.get("/backup").await.unwrap().code, 401);
}
