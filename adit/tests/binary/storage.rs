//! Disks that are full or damaged, below a hub.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Client, TestHub, arg, run, until};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn make(client: &Client, name: &str) -> u16 {
    let object = json!({"metadata": {"name": name}, "data": {"x": "y".repeat(100_000)}});
    client.post(CONFIG_MAPS, &object).await
}

#[tokio::test]
async fn a_hub_whose_store_is_damaged_says_where_and_what_to_do() {
    let mut hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    for number in 0..20 {
        assert_eq!(make(&admin, &format!("n{number}")).await, 201);
    }
    hub.stop().await;
    let store = hub.data().join("store/store.redb");
    let length = fs::metadata(&store).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&store).unwrap();
    for page in 0..length / 4096 {
        file.write_all_at(&[0xa5; 64], page * 4096 + 1024).unwrap();
    }
    let data = hub.data();
    let refused = run(&["hub", "--data-dir", arg(&data), "--listen", "127.0.0.1:0"]).await;
    assert_eq!(refused.code, 1);
    let folder = data.join("store");
    for words in [arg(&folder), "damaged", "adit restore"] {
        assert!(
            refused.stderr.contains(words),
            "{words}: {}",
            refused.stderr
        );
    }
}

/// A small file system over a folder, which keeps what the folder has.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn over(folder: &Path, size: &str) -> Self {
        let kept = folder.with_extension("kept");
        fs::rename(folder, &kept).unwrap();
        fs::create_dir(folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder)
            .status()
            .unwrap();
        assert!(mounted.success());
        let this = Self(folder.to_owned());
        for entry in fs::read_dir(kept).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        this
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_hub_whose_disk_is_full_says_so_reads_on_and_can_be_backed_up() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting needs root");
        return;
    }
    let mut hub = TestHub::start().await;
    hub.stop().await;
    let disk = Tmpfs::over(&hub.data().join("store"), "16m");
    hub.start_again().await;
    let admin = hub.client(hub.administrator());
    let other = disk.0.join("other");
    fs::write(&other, vec![0; 8 << 20]).unwrap();
    let mut made = 0;
    while make(&admin, &format!("n{made}")).await == 201 {
        made += 1;
        assert!(made < 160, "the disk does not fill up");
    }
    assert!(made > 0);
    until("the log tells", async || {
        hub.process().stderr().contains("disk is full")
    })
    .await;
    let read = admin.get(&format!("{CONFIG_MAPS}/n0")).await.unwrap();
    assert_eq!(read.code, 200);
    let file = hub.beside("backup");
    hub.adit(&["backup", arg(&file)]).await;
    fs::remove_file(other).unwrap();
    until("it can be written", async || {
        make(&admin, "last").await == 201
    })
    .await;
    hub.stop().await;
    drop(disk);
    let restored = hub.beside("restored");
    let done = run(&["restore", arg(&file), "--data-dir", arg(&restored)]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
}
