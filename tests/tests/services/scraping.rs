//! Debian's Prometheus beside the hub, scraping Services of two clusters.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::cluster::User;
use tests::needs;
use tests::process::Process;
use tests::scratch;
use tests::wait::{GENEROUS, once};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::SPOKES;
use crate::backend::Backend;
use crate::spokes::{EXPOSED, Spokes};

/// A running Prometheus.
struct Prometheus<'a> {
    site: &'a Spokes,
    address: SocketAddr,
    process: Process,
}

impl<'a> Prometheus<'a> {
    fn start(site: &'a Spokes, port: u16, config: &str) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let folder = scratch::fresh_folder("prometheus")?;
        let file = folder.join("prometheus.yml");
        fs::write(&file, config)?;
        let mut command = site.network.hub(0).command("prometheus");
        command
            .arg("--config.file")
            .arg(&file)
            .arg("--storage.tsdb.path")
            .arg(folder.join("data"))
            .args(["--web.listen-address", &address.to_string()]);
        let process = Process::start("prometheus", command)?;
        Ok(Self {
            site,
            address,
            process,
        })
    }

    /// The label sets of a query's result, as far as these labels go.
    async fn query(&self, query: &str, labels: [&str; 2]) -> Result<BTreeSet<[String; 2]>> {
        let answer = self.get(&format!("/api/v1/query?query={query}")).await?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no head")?;
        let value: Value = serde_json::from_str(body)?;
        let found = value["data"]["result"].as_array().context("no result")?;
        let label = |entry: &Value, label: &str| {
            entry["metric"][label]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Ok(found
            .iter()
            .map(|entry| labels.map(|name| label(entry, name)))
            .collect())
    }

    /// Waits until a query gives these labels and no others.
    async fn until(&self, query: &str, labels: [&str; 2], expected: &[[&str; 2]]) {
        let expected: BTreeSet<_> = expected
            .iter()
            .map(|pair| pair.map(str::to_owned))
            .collect();
        let given = async || once(self.query(query, labels).await.ok()? == expected);
        let waited = self.process.until(query, 2 * GENEROUS, given).await;
        if let Err(error) = waited {
            let now = self.query(query, labels).await;
            let targets = self.get("/api/v1/targets").await;
            panic!("{error:#}\nit gives {now:?}\n{targets:?}");
        }
    }

    async fn get(&self, target: &str) -> Result<String> {
        let mut socket = self.site.network.hub(0).connect(self.address, GENEROUS)?;
        let request = format!("GET {target} HTTP/1.0\r\nHost: prometheus\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// Scrapes the Service `web` of each cluster below the gateway's path, by the
/// port's number in one and by its name in the other.
fn through_the_gateway(site: &Spokes) -> String {
    let jobs = [("spoke-a", "9090"), ("spoke-b", "metrics")].map(|(spoke, port)| {
        format!(
            r#"
- job_name: {spoke}
  scheme: https
  metrics_path: /clusters/{spoke}/api/v1/namespaces/monitoring/services/web:{port}/proxy-service/metrics
  authorization: {{credentials_file: {}}}
  tls_config: {{ca_file: {}}}
  static_configs: [{{targets: ["{}"]}}]
"#,
            site.token.display(),
            site.authority().display(),
            site.hub.address()
        )
    });
    format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n{}",
        jobs.concat()
    )
}

#[test]
fn prometheus_scrapes_services_of_two_clusters_and_follows_their_endpoints() {
    if !needs::have(&[("prometheus", "prometheus")]) {
        return;
    }
    SPOKES.test(async |site| {
        let [a, b] = &site.spokes;
        let [one, two, three] = ["one", "two", "three"].map(|name| Backend::start(a, name));
        let other = Backend::start(b, "other");
        a.serve("web", "metrics", &[one.port, two.port])
            .await
            .unwrap();
        b.serve("web", "metrics", &[other.port]).await.unwrap();
        let prometheus = Prometheus::start(site, 9090, &through_the_gateway(site)).unwrap();
        let seen = "last_over_time(backend_info[1h])";
        let labels = ["job", "name"];
        let first = [["spoke-a", "one"], ["spoke-a", "two"], ["spoke-b", "other"]];
        prometheus.until(seen, labels, &first).await;

        // A rollout: other ports, under the names of the old slices.
        a.serve("web", "metrics", &[three.port, three.port])
            .await
            .unwrap();
        let [x, y, z] = first;
        prometheus
            .until(seen, labels, &[x, y, z, ["spoke-a", "three"]])
            .await;
        // Each slice by turns: none of the old is in the agent's hands any more.
        let settled = three.asked() + 2;
        let twice = async || once(three.asked() >= settled);
        prometheus
            .process
            .until("scrapes of the new", GENEROUS, twice)
            .await
            .unwrap();
        let before = [&one, &two, &three].map(Backend::asked);
        let again = async || once(three.asked() >= before[2] + 3);
        prometheus
            .process
            .until("more scrapes", GENEROUS, again)
            .await
            .unwrap();
        assert_eq!(
            [one.asked(), two.asked()],
            before[..2],
            "the old ones are left alone"
        );

        // What the agent exposes no more is out of reach, and only that.
        a.set_targets("expose: []\n");
        let labels = ["job", "instance"];
        let instance = site.hub.address().to_string();
        prometheus
            .until("up==0", labels, &[["spoke-a", &instance]])
            .await;
        prometheus
            .until("up==1", labels, &[["spoke-b", &instance]])
            .await;
        a.set_targets(EXPOSED);
        let both = [["spoke-a", instance.as_str()], ["spoke-b", &instance]];
        prometheus.until("up==1", labels, &both).await;
    });
}

/// Scrapes the API server of each cluster through CONNECT: TLS and the API
/// server's own credential go from end to end.
fn through_connect(site: &Spokes, authorities: &Path) -> String {
    let jobs = ["spoke-a", "spoke-b"].map(|spoke| {
        format!(
            r#"
- job_name: {spoke}
  scheme: https
  proxy_url: https://{spoke}:{}@{}
  authorization: {{credentials: "{}"}}
  tls_config: {{ca_file: {}}}
  static_configs: [{{targets: ["kubernetes.default.svc:443"]}}]
"#,
            site.token(),
            site.hub.address(),
            User::ADMIN.token(),
            authorities.display()
        )
    });
    // A page of an API server's is large, and the machine may be busy.
    format!(
        "global: {{scrape_interval: 5s}}\nscrape_configs:\n{}",
        jobs.concat()
    )
}

#[test]
fn prometheus_scrapes_api_servers_through_connect() {
    if !needs::have(&[("prometheus", "prometheus")]) {
        return;
    }
    SPOKES.test(async |site| {
        let mut authorities = fs::read_to_string(site.authority()).unwrap();
        for spoke in &site.spokes {
            authorities += &fs::read_to_string(spoke.cluster.authority()).unwrap();
        }
        let file = scratch::fresh_folder("authorities")
            .unwrap()
            .join("all.crt");
        fs::write(&file, authorities).unwrap();
        let prometheus = Prometheus::start(site, 9091, &through_connect(site, &file)).unwrap();
        let expected = [
            ["spoke-a", "kubernetes.default.svc:443"],
            ["spoke-b", "kubernetes.default.svc:443"],
        ];
        let seen = "last_over_time(kubernetes_build_info[1h])";
        prometheus.until(seen, ["job", "instance"], &expected).await;
    });
}
