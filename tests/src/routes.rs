//! One command by every route, and what they must have in common.

use anyhow::Result;

use crate::cluster::User;
use crate::command::Output;
use crate::kubectl::{Call, Kubectl};
use crate::normal::normal;
use crate::site::{Route, Site};
use crate::wait::{GENEROUS, once, until};

/// One user's kubectl by each [`Route`], each with a Kubernetes namespace of its
/// own: what one changes the others do not see.
#[derive(Debug)]
pub struct Routes {
    kubectls: Vec<(Route, Kubectl)>,
}

impl Routes {
    /// Makes the namespaces, whose names begin so, and waits until they hold
    /// what controllers write into new ones: pods can be made in them, and lists
    /// are the same.
    ///
    /// # Errors
    /// They cannot be made.
    pub async fn create(site: &Site, user: User, name: &str) -> Result<Self> {
        let admin = site.kubectl(User::ADMIN, Route::Direct).await?;
        let mut kubectls = Vec::new();
        for route in Route::ALL {
            let namespace = format!("{name}-{}", route.name());
            admin.run(&["create", "namespace", &namespace]).await?.ok();
            kubectls.push((
                route,
                site.kubectl(user, route).await?.in_namespace(&namespace),
            ));
        }
        for (_, kubectl) in &kubectls {
            let admin = admin.in_namespace(kubectl.namespace().unwrap_or_default());
            let there = async || once(admin.run(&WRITTEN).await.ok()?.code == 0);
            until("what a new namespace is given", GENEROUS, there).await?;
        }
        Ok(Self { kubectls })
    }

    /// The kubectls.
    pub fn iter(&self) -> impl Iterator<Item = (Route, &Kubectl)> {
        self.kubectls
            .iter()
            .map(|(route, kubectl)| (*route, kubectl))
    }

    /// The same for another user.
    ///
    /// # Errors
    /// He gets no kubeconfig.
    pub async fn of(&self, site: &Site, user: User) -> Result<Self> {
        let mut kubectls = Vec::new();
        for (route, kubectl) in self.iter() {
            let namespace = kubectl.namespace().unwrap_or_default();
            kubectls.push((
                route,
                site.kubectl(user, route).await?.in_namespace(namespace),
            ));
        }
        Ok(Self { kubectls })
    }

    /// Runs the command by each route. What it prints on either output and its
    /// exit code must be the same, but for what [`normal`] takes out and the
    /// namespace's name. Returns what they have in common.
    ///
    /// # Panics
    /// They differ, or a command cannot be run.
    pub async fn same(&self, args: &[&str]) -> Output {
        self.same_call(&Call::new(args)).await
    }

    /// As [`same`](Self::same), for a command that must succeed; returns its
    /// standard output.
    ///
    /// # Panics
    /// It fails.
    pub async fn fine(&self, args: &[&str]) -> String {
        self.fine_call(&Call::new(args)).await
    }

    /// As [`fine`](Self::fine), with this text on standard input.
    ///
    /// # Panics
    /// It fails.
    pub async fn fine_with(&self, stdin: &str, args: &[&str]) -> String {
        self.fine_call(&Call::new(args).stdin(stdin)).await
    }

    /// As [`fine`](Self::fine), for any call.
    ///
    /// # Panics
    /// It fails.
    pub async fn fine_call(&self, call: &Call<'_>) -> String {
        let output = self.same_call(call).await;
        assert_eq!(output.code, 0, "{call:?} failed: {output:#?}");
        output.stdout
    }

    /// As [`same`](Self::same), for any call.
    ///
    /// # Panics
    /// The outcomes differ, or a command cannot be run.
    pub async fn same_call(&self, call: &Call<'_>) -> Output {
        let mut common: Option<Output> = None;
        for (route, kubectl) in self.iter() {
            let output = kubectl
                .call(call)
                .await
                .unwrap_or_else(|error| panic!("{route:?}: {error:#}"));
            let output = normalized(&output, kubectl);
            let expected = common.get_or_insert_with(|| output.clone());
            assert_eq!(
                &output, expected,
                "{route:?} (left) gives not the same as directly: {call:?}"
            );
        }
        common.expect("there are routes")
    }
}

/// Asks for what controllers write into a namespace a moment after it is made.
const WRITTEN: [&str; 3] = [
    "get",
    "serviceaccount/default",
    "configmap/kube-root-ca.crt",
];

fn normalized(output: &Output, kubectl: &Kubectl) -> Output {
    let namespace = kubectl.namespace().unwrap_or_default();
    let plain = |text: &str| normal(&text.replace(namespace, "NAMESPACE"));
    Output {
        code: output.code,
        stdout: plain(&output.stdout),
        stderr: plain(&output.stderr),
    }
}
