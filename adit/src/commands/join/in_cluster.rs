//! `adit join --in-cluster`: has a pod of the cluster do it.

use anyhow::Context as _;
use clap::Parser as _;
use proto::Credential as Token;
use proxy_agent::ApiServer;
use registration::agent::install::{Mode, Pod, apply, install, objects};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::{Args, TOKEN_VARIABLE};
use crate::ca_pin::CaPin;
use crate::cli::Cli;
use crate::join::Trust;
use crate::output;

#[derive(Debug, clap::Args)]
pub(super) struct InClusterArgs {
    /// Do not join from here: have a Deployment in the cluster join and stay
    ///
    /// Applies the kinds, the namespace open-cluster-management-agent, a
    /// service account and its roles, the token and the Deployment, and
    /// returns.
    #[arg(long, requires_all = ["cluster_name", "hub", "image"])]
    in_cluster: bool,

    /// With --in-cluster: the image with this program as its entrypoint
    #[arg(long, value_name = "IMAGE", requires = "in_cluster")]
    image: Option<String>,

    /// With --in-cluster: print what would be applied, the token included, and do nothing
    #[arg(long, requires = "in_cluster")]
    print: bool,

    /// With --in-cluster: further flags of `adit join` for the pod, after `--`
    #[arg(last = true, requires = "in_cluster", value_name = "FLAG")]
    pod_flags: Vec<String>,
}

/// Where the pod tells how it is.
const METRICS_PORT: u16 = 9090;

impl InClusterArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.in_cluster
    }
}

pub(super) async fn run(
    args: Args,
    token: Option<Token>,
    trust: Option<Trust>,
) -> anyhow::Result<()> {
    let pod = pod(&args, token.as_ref(), trust)?;
    if args.in_cluster.print {
        let mut text = String::new();
        for object in objects(Mode::Default).iter().chain(&pod.objects()) {
            let yaml = serde_saphyr::to_string(object).context("cannot write an object")?;
            text.push_str("---\n");
            text.push_str(&yaml);
        }
        return output::write(&text).context("cannot write to standard output");
    }
    let (path, context) = args.serve.kubeconfig().context(
        "pass --kubeconfig FILE for the cluster, or --print for what is to be applied there",
    )?;
    let api = ApiServer::from_kubeconfig(path, context).await;
    let api = api.with_context(|| format!("cannot use {}", path.display()))?;
    let managed = api.client();
    install(&managed, Mode::Default).await?;
    for object in pod.objects() {
        apply(&managed, &object).await?;
    }
    let cluster = args.cluster_name.map(|name| name.to_string());
    let cluster = cluster.unwrap_or_default();
    output::line(&format!(
        "The agent is deployed. Please log onto the hub and run the following command:\n\n    \
         adit accept {cluster} --wait 5m\n"
    ))?;
    Ok(())
}

/// The pod that does what the flags say.
fn pod(args: &Args, token: Option<&Token>, trust: Option<Trust>) -> anyhow::Result<Pod> {
    let flag = |name: &str, value: String| [format!("--{name}"), value];
    let mut flags = vec!["join".to_owned()];
    let hub = args.hub.as_ref().context("--hub is missing")?;
    flags.extend(flag("hub", hub.to_string()));
    for pin in pins(trust.context("--ca-pin is missing")?)? {
        flags.extend(flag("ca-pin", pin.to_string()));
    }
    let cluster = args.cluster_name.as_ref().map(ToString::to_string);
    let agent = args.agent_name.as_ref().map(ToString::to_string);
    let metrics = Some(format!("0.0.0.0:{METRICS_PORT}"));
    for (name, value) in [
        ("cluster-name", cluster),
        ("agent-name", agent),
        ("metrics-listen", metrics),
    ] {
        flags.extend(value.into_iter().flat_map(|value| flag(name, value)));
    }
    flags.extend(args.in_cluster.pod_flags.iter().cloned());
    // So that a mistake shows here, and not in the log of a pod.
    let whole = ["adit"].into_iter().chain(flags.iter().map(String::as_str));
    Cli::try_parse_from(whole).context("the pod would not take its flags")?;
    Ok(Pod {
        image: args
            .in_cluster
            .image
            .clone()
            .context("--image is missing")?,
        args: flags,
        token: token.map(|token| token.expose().to_owned()),
        token_variable: TOKEN_VARIABLE,
        port: METRICS_PORT,
    })
}

fn pins(trust: Trust) -> anyhow::Result<Vec<CaPin>> {
    match trust {
        Trust::Pins(pins) => Ok(pins),
        Trust::Authorities(pem) => {
            let all = CertificateDer::pem_slice_iter(pem.as_bytes());
            let pins: Result<Vec<_>, _> = all.map(|of| of.map(|of| CaPin::of(&of))).collect();
            pins.context("--ca-file is no PEM file of certificates")
        }
    }
}
