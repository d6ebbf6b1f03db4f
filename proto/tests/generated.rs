//! Keeps the checked-in protobuf code equal to what the `.proto` file says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// With `ADIT_REGENERATE=1` the checked-in file is rewritten first.
#[test]
fn generated_code_matches_the_proto_file() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = generate(crate_dir);
    let checked_in = crate_dir.join("src/gen/adit.tunnel.v1.rs");
    if std::env::var_os("ADIT_REGENERATE").is_some() {
        std::fs::write(&checked_in, &fresh).unwrap();
    }
    let current = std::fs::read_to_string(&checked_in).unwrap();
    assert!(
        current == fresh,
        "{} is stale; run ADIT_REGENERATE=1 cargo test -p proto --test generated",
        checked_in.display()
    );
}

fn generate(crate_dir: &Path) -> String {
    let include = crate_dir.join("proto");
    let file = include.join("adit/tunnel/v1/tunnel.proto");
    let descriptors = protox::compile([file], [include]).unwrap();
    let out = out_dir();
    prost_build::Config::new()
        .bytes(["."])
        .out_dir(&out)
        .compile_fds(descriptors)
        .unwrap();
    std::fs::read_to_string(out.join("adit.tunnel.v1.rs")).unwrap()
}

fn out_dir() -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proto-gen");
    std::fs::create_dir_all(&out).unwrap();
    out
}
