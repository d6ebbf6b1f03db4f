use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::ApiServerError;

/// Where a file cannot be read as a kubeconfig.
///
/// What stands there is left out: it may be a token or a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KubeconfigFormError {
    /// At one place.
    #[error("something is wrong at line {line}, column {column} (not shown: it may be secret)")]
    At {
        /// The line, from 1.
        line: u64,
        /// The character in the line, from 1.
        column: u64,
    },
    /// As a whole.
    #[error("it is no YAML document of a kubeconfig")]
    Nowhere,
}

/// Reads a context of a kubeconfig file, its current one if none is named.
pub(super) async fn read(
    path: &Path,
    context: Option<&str>,
) -> Result<kube::Config, ApiServerError> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let unusable = |error| without_content(path, error);
    let kubeconfig = Kubeconfig::read_from(path).map_err(unusable)?;
    let names_proxy = names_proxy(&kubeconfig, context);
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(unusable)?;
    if !names_proxy {
        // Then it is the environment's, which is for the way to the hub.
        config.proxy_url = None;
    }
    Ok(config)
}

/// Whether the file itself wants the API server reached through a proxy.
fn names_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> bool {
    let Some(name) = context.or(kubeconfig.current_context.as_deref()) else {
        return false;
    };
    let mut contexts = kubeconfig.contexts.iter();
    let context = contexts.find(|context| context.name == name);
    let Some(context) = context.and_then(|named| named.context.as_ref()) else {
        return false;
    };
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|cluster| cluster.name == context.cluster);
    cluster
        .and_then(|named| named.cluster.as_ref()?.proxy_url.as_ref())
        .is_some_and(|url| !url.is_empty())
}

/// The parser's own messages show the lines around the place, and values.
fn without_content(path: &Path, error: KubeconfigError) -> ApiServerError {
    let path = path.to_owned();
    let KubeconfigError::Parse(error) = error else {
        let source = Box::new(error);
        return ApiServerError::Kubeconfig { path, source };
    };
    let source = match error.location() {
        Some(place) => KubeconfigFormError::At {
            line: place.line(),
            column: place.column(),
        },
        None => KubeconfigFormError::Nowhere,
    };
    ApiServerError::KubeconfigForm { path, source }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::NamedTempFile;

    use super::*;

    async fn read_text(text: &str) -> ApiServerError {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path(), None).await.unwrap_err()
    }

    #[tokio::test]
    async fn no_error_shows_any_of_a_kubeconfig() {
        for users in [
            "- name: u\n  user:\n    token: s3cret\n   as: admin\n",
            "- name: u\n  user:\n  token: a\n  token: s3cret\n",
            "- name: u\n  user: s3cret\n",
            "- name: u\n  user:\n    exec: s3cret\n",
            "- name: u\n  user: {token: \"s3cret}\n",
            "- name: u\n  user:\n    client-key-data: |\n      abc\ns3cret\n",
        ] {
            let text = format!("apiVersion: v1\nkind: Config\nusers:\n{users}");
            let error = read_text(&text).await;
            let shown = format!("{error} {error:?} {:?}", causes(&error));
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[tokio::test]
    async fn the_place_of_what_is_wrong_is_named() {
        let text = "apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user: s3cret\n";
        let error = read_text(text).await;
        let ApiServerError::KubeconfigForm { source, .. } = error else {
            panic!("{error}");
        };
        assert!(
            matches!(source, KubeconfigFormError::At { line: 5, .. }),
            "{source}"
        );
    }

    #[tokio::test]
    async fn a_proxy_of_the_file_is_not_overlooked() {
        for (line, named) in [("", false), ("    proxy-url: http://proxy:3128\n", true)] {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
                 contexts:\n- name: c\n  context:\n    cluster: k\n\
                 clusters:\n- name: k\n  cluster:\n    server: https://api:6443\n{line}"
            );
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let config = read(file.path(), None).await.unwrap();
            assert_eq!(config.proxy_url.is_some(), named);
            let config = read(file.path(), Some("c")).await.unwrap();
            assert_eq!(config.proxy_url.is_some(), named);
        }
    }

    /// What is behind an error.
    fn causes(error: &dyn std::error::Error) -> Vec<String> {
        std::iter::successors(error.source(), |error| error.source())
            .map(ToString::to_string)
            .collect()
    }
}
