use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures_util::FutureExt as _;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::task::yield_now;
use tokio::time::advance;

use super::*;

fn credential(auth_info: AuthInfo) -> Result<Credential, CredentialError> {
    let mut config = kube::Config::new("https://10.0.0.1".parse().unwrap());
    config.auth_info = auth_info;
    Credential::new(&config)
}

fn token_file(path: &Path) -> Credential {
    let auth_info = AuthInfo {
        token_file: Some(path.to_str().unwrap().to_owned()),
        ..AuthInfo::default()
    };
    credential(auth_info).unwrap()
}

async fn authorization(credential: &Credential) -> Option<HeaderValue> {
    credential.authorization().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rotated_token_is_used_within_ten_seconds() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("token");
    fs::write(&path, "first\n").unwrap();
    let credential = token_file(&path);
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer first");
    // As the kubelet does it: another file takes the name.
    let next = dir.path().join("next");
    fs::write(&next, "second").unwrap();
    fs::rename(&next, &path).unwrap();
    advance(Duration::from_secs(10)).await;
    let header = authorization(&credential).await.unwrap();
    assert_eq!(header, "Bearer second");
    assert!(header.is_sensitive());
}

#[tokio::test(start_paused = true)]
async fn a_token_outlives_its_file_until_there_is_a_new_one() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("token");
    fs::write(&path, "first").unwrap();
    let credential = token_file(&path);
    fs::remove_file(&path).unwrap();
    advance(Duration::from_secs(10)).await;
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer first");
    fs::write(&path, "").unwrap();
    advance(Duration::from_secs(10)).await;
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer first");
    fs::write(&path, "second").unwrap();
    advance(Duration::from_secs(10)).await;
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer second");
}

#[test]
fn a_file_without_a_token_is_refused_from_the_start() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("token");
    let new = || TokenFile::new(path.clone()).map(drop).unwrap_err();
    assert!(matches!(new(), CredentialError::Read { .. }));
    fs::write(&path, " \n").unwrap();
    assert!(matches!(new(), CredentialError::NoToken { .. }));
    fs::write(&path, "two\nlines").unwrap();
    assert!(matches!(new(), CredentialError::Token { .. }));
}

#[tokio::test]
async fn a_token_in_the_kubeconfig_goes_before_a_file() {
    let auth_info = AuthInfo {
        token: Some(SecretString::from("inline")),
        token_file: Some("/nonexistent".to_owned()),
        ..AuthInfo::default()
    };
    let header = authorization(&credential(auth_info).unwrap()).await;
    assert_eq!(header.unwrap(), "Bearer inline");
}

#[tokio::test]
async fn a_certificate_alone_needs_no_header() {
    let none = authorization(&credential(AuthInfo::default()).unwrap()).await;
    assert_eq!(none, None);
}

/// A user whose credential a shell script prints.
fn plugin(script: &str) -> AuthInfo {
    AuthInfo {
        exec: Some(ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".to_owned()),
            args: Some(vec!["-c".to_owned(), script.to_owned()]),
            cluster: None,
            command: Some("/bin/sh".to_owned()),
            drop_env: None,
            env: None,
            install_hint: None,
            interactive_mode: Some(ExecInteractiveMode::Never),
            other: BTreeMap::default(),
            provide_cluster_info: false,
        }),
        ..AuthInfo::default()
    }
}

#[tokio::test]
async fn an_expired_token_is_asked_for_again() {
    let dir = TempDir::new().unwrap();
    let count = dir.path().join("count").display().to_string();
    let script = format!(
        r#"echo x >> {count}
echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
"status": {{"token": "token-'"$(wc -l < {count})"'", "expirationTimestamp": "2020-01-01T00:00:00Z"}}}}'"#
    );
    let credential = credential(plugin(&script)).unwrap();
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer token-2");
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer token-3");
}

/// A plugin whose second run hangs as long as a file is there.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_hangs_is_given_up_by_all_and_not_started_again() {
    let dir = TempDir::new().unwrap();
    let (count, hold) = (dir.path().join("count"), dir.path().join("hold"));
    let script = format!(
        r#"echo x >> {count}
while [ -e {hold} ]; do sleep 0.01; done
expiry=2020; [ "$(wc -l < {count})" = 1 ] || expiry=2999
echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
"status": {{"token": "token-'"$(wc -l < {count})"'", "expirationTimestamp": "'$expiry'-01-01T00:00:00Z"}}}}'"#,
        count = count.display(),
        hold = hold.display(),
    );
    let credential = credential(plugin(&script)).unwrap();
    fs::write(&hold, "").unwrap();
    for _ in 0..2 {
        let mut requests = [0, 1].map(|_| Box::pin(credential.authorization()));
        for request in &mut requests {
            assert!(request.now_or_never().is_none());
        }
        let cancelled = Box::pin(credential.authorization()).now_or_never();
        assert!(cancelled.is_none());
        while fs::read(&count).unwrap().len() < 2 * "x\n".len() {
            yield_now().await;
        }
        advance(PLUGIN_LIMIT).await;
        for request in requests {
            let answer = request.now_or_never();
            let unanswered = Some(Err::<(), _>(CredentialError::Unanswered));
            assert_eq!(format!("{answer:?}"), format!("{unanswered:?}"));
        }
    }
    let request = credential.authorization();
    fs::remove_file(&hold).unwrap();
    assert_eq!(request.await.unwrap().unwrap(), "Bearer token-2");
    assert_eq!(authorization(&credential).await.unwrap(), "Bearer token-2");
}

#[tokio::test]
async fn what_a_failed_plugin_has_printed_is_not_told() {
    for script in ["echo s3cret; exit 7", "echo s3cret"] {
        let error = credential(plugin(script)).map(drop).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("the plugin"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}
