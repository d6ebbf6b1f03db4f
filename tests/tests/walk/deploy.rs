//! The files in `deploy/`.

use std::fs;
use std::path::{Path, PathBuf};

use tests::kubectl::Call;

use crate::PLACE;

/// With what `agent.yaml` is printed.
const PRINTED: &str = "adit join --hub hub.example.org:8443 --cluster-name edge-7 \
    --ca-pin sha256:0000000000000000000000000000000000000000000000000000000000000000 \
    --in-cluster --image registry.example.org/adit:1 --print";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

#[test]
fn the_agents_manifest_is_what_is_printed() {
    PLACE.test(async |place| {
        let machine = place.beside().await.unwrap();
        let printed = machine.run(PRINTED).await.unwrap().ok();
        let path = folder().join("agent.yaml");
        if std::env::var("ADIT_REGENERATE").is_ok_and(|value| value == "1") {
            fs::write(&path, &printed).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap();
        assert!(
            kept == printed,
            "deploy/agent.yaml is not what is printed; ADIT_REGENERATE=1 writes it anew"
        );
    });
}

#[test]
fn kubernetes_takes_every_manifest() {
    PLACE.test(async |place| {
        let _turn = place.turn().await;
        let kubectl = place.kubectl().unwrap();
        let files = fs::read_dir(folder()).unwrap().map(|of| of.unwrap().path());
        let files = files.filter(|of| of.extension().is_some_and(|of| of == "yaml"));
        let mut tried = 0;
        for file in files {
            let shown = file.display().to_string();
            let text = fs::read_to_string(&file).unwrap();
            // What is only tried has no namespace to be in.
            let documents = text.split("---\n");
            let namespaces: Vec<&str> = documents
                .filter(|of| of.lines().any(|line| line == "kind: Namespace"))
                .collect();
            let namespaces = namespaces.join("---\n");
            let make = Call::new(&["apply", "-f", "-"]).stdin(&namespaces);
            kubectl.call(&make).await.unwrap().ok();
            let try_all = ["apply", "--dry-run=server", "-f", &shown];
            let taken = kubectl.run(&try_all).await.unwrap();
            let delete = Call::new(&["delete", "-f", "-"]).stdin(&namespaces);
            kubectl.call(&delete).await.unwrap().ok();
            assert_eq!(taken.code, 0, "{shown}: {}", taken.stderr);
            assert!(
                !taken.stderr.contains("Warning"),
                "{shown}: {}",
                taken.stderr
            );
            tried += 1;
        }
        assert!(tried >= 2, "there are files");
    });
}
