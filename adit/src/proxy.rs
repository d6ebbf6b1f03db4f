//! Which proxy stands before the hub, by flags and environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use proxy_agent::{NoProxy, Proxy, ProxyConfig, ProxyCredentials};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::data_dir;

/// The flags of a command that connects to a hub.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ProxyArgs {
    /// Reach the hub through this proxy, or with `none` through no proxy at all
    ///
    /// `http://HOST:PORT` (CONNECT), `https://HOST:PORT` (the same over TLS),
    /// `socks5://HOST:PORT`, or `socks5h://HOST:PORT`, which leaves names to
    /// the proxy. Without it
    /// HTTPS_PROXY or ALL_PROXY name the proxy, and NO_PROXY the hubs that are
    /// reached without; with it none of them counts.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// A file with USER:PASSWORD for the proxy
    #[arg(long, value_name = "FILE")]
    proxy_credentials: Option<PathBuf>,

    /// A PEM file with the authorities of an https:// proxy's certificate
    ///
    /// Default: those that this machine trusts.
    #[arg(long, value_name = "FILE")]
    proxy_ca: Option<PathBuf>,
}

/// The first that is set and not empty counts.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl ProxyArgs {
    /// What the flags say, or else the environment: the value of a variable by its name.
    pub(crate) fn config(
        &self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<ProxyConfig> {
        let config = match &self.proxy {
            Some(none) if none == "none" => ProxyConfig::Direct,
            Some(url) => ProxyConfig::Always(self.complete(by_flag(url)?)?),
            None => match by_environment(&environment)? {
                Some((proxy, bypass)) => ProxyConfig::Except(self.complete(proxy)?, bypass),
                None => ProxyConfig::Direct,
            },
        };
        if matches!(config, ProxyConfig::Direct) && self.proxy_credentials.is_some() {
            bail!("--proxy-credentials is for a proxy, and there is none: name it with --proxy");
        }
        let over_tls = match &config {
            ProxyConfig::Direct => false,
            ProxyConfig::Always(proxy) | ProxyConfig::Except(proxy, _) => proxy.is_tls(),
        };
        if !over_tls && self.proxy_ca.is_some() {
            bail!("--proxy-ca is for an https:// proxy, and there is none: name it with --proxy");
        }
        Ok(config)
    }

    fn complete(&self, proxy: Proxy) -> anyhow::Result<Proxy> {
        let proxy = self.with_credentials(proxy)?;
        if !proxy.is_tls() {
            return Ok(proxy);
        }
        let roots = match &self.proxy_ca {
            Some(file) => authorities(file)
                .with_context(|| format!("cannot use {} as --proxy-ca", file.display()))?,
            None => system_authorities()?,
        };
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(proxy.with_tls(tls))
    }

    fn with_credentials(&self, proxy: Proxy) -> anyhow::Result<Proxy> {
        let Some(file) = &self.proxy_credentials else {
            return Ok(proxy);
        };
        let credentials = ProxyCredentials::parse(&data_dir::read(file)?)
            .with_context(|| format!("cannot use {} as --proxy-credentials", file.display()))?;
        Ok(proxy.with_credentials(credentials))
    }
}

fn authorities(file: &Path) -> anyhow::Result<RootCertStore> {
    let text = data_dir::read(file)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        roots.add(certificate.context("it is no PEM file")?)?;
    }
    if roots.is_empty() {
        bail!("it holds no certificate");
    }
    Ok(roots)
}

/// Those that this machine trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn system_authorities() -> anyhow::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        bail!(
            "this machine trusts no authority, so that no https:// proxy can be told from \
             another: name the authority of its certificate with --proxy-ca"
        );
    }
    Ok(roots)
}

/// Errors do not repeat the URL: it may hold a password.
fn by_flag(url: &str) -> anyhow::Result<Proxy> {
    let proxy: Proxy = url.parse().context("cannot use the URL of --proxy")?;
    if proxy.has_credentials() {
        bail!(
            "--proxy has a user or password in its URL, and everybody on this machine can read \
             a command line: write USER:PASSWORD into a file and name it with \
             --proxy-credentials, or put the whole URL into the environment as HTTPS_PROXY"
        );
    }
    Ok(proxy)
}

fn by_environment(
    environment: &impl Fn(&str) -> Option<OsString>,
) -> anyhow::Result<Option<(Proxy, NoProxy)>> {
    let Some((name, url)) = first_of(&PROXY, environment) else {
        return Ok(None);
    };
    let url = url.into_string().ok();
    let proxy: Proxy = url
        .with_context(|| format!("{name} in the environment is not UTF-8"))?
        .parse()
        .with_context(|| format!("cannot use {name} of the environment"))?;
    let bypass = first_of(&NO_PROXY, environment).map(|(_, hosts)| hosts);
    let bypass = NoProxy::parse(&bypass.unwrap_or_default().to_string_lossy());
    tracing::info!(%proxy, variable = name, "the environment names a proxy");
    Ok(Some((proxy, bypass)))
}

fn first_of<'a>(
    names: &[&'a str],
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Option<(&'a str, OsString)> {
    names.iter().find_map(|&name| {
        let value = environment(name).filter(|value| !value.is_empty())?;
        Some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(proxy: Option<&str>, environment: &[(&str, &str)]) -> anyhow::Result<ProxyConfig> {
        let args = ProxyArgs {
            proxy: proxy.map(str::to_owned),
            proxy_credentials: None,
            proxy_ca: None,
        };
        args.config(|name| value(environment, name))
    }

    fn value(environment: &[(&str, &str)], name: &str) -> Option<OsString> {
        let found = environment.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn a_flag_wins_over_the_environment() {
        let environment = [("HTTPS_PROXY", "http://two:1"), ("NO_PROXY", "*")];
        let made = config(Some("socks5h://one"), &environment).unwrap();
        let ProxyConfig::Always(proxy) = made else {
            panic!("{made:?}")
        };
        assert_eq!(proxy.to_string(), "socks5h://one:1080");
        let none = config(Some("none"), &environment).unwrap();
        assert!(matches!(none, ProxyConfig::Direct), "{none:?}");
    }

    #[test]
    fn the_environment_is_read_in_the_usual_order() {
        let all = [
            ("HTTPS_PROXY", ""),
            ("https_proxy", "http://one:1"),
            ("ALL_PROXY", "http://two:1"),
            ("all_proxy", "http://three:1"),
        ];
        for (from, shown) in [
            (0, "http://one:1"),
            (2, "http://two:1"),
            (3, "http://three:1"),
        ] {
            let made = config(None, &all[from..]).unwrap();
            let ProxyConfig::Except(proxy, _) = made else {
                panic!("{made:?}")
            };
            assert_eq!(proxy.to_string(), shown);
        }
        let none = config(None, &[("HTTP_PROXY", "http://one:1")]).unwrap();
        assert!(matches!(none, ProxyConfig::Direct), "{none:?}");
    }

    #[test]
    fn a_password_on_the_command_line_is_refused_and_not_repeated() {
        let error = config(Some("http://anna:hush@proxy:1"), &[]).unwrap_err();
        assert!(error.to_string().contains("--proxy-credentials"), "{error}");
        for (proxy, environment) in [
            (Some("http://anna:hush@proxy:1"), [("X", "")]),
            (Some("https://anna:hush@proxy:1"), [("X", "")]),
            (None, [("HTTPS_PROXY", "ftp://anna:hush@proxy:1")]),
        ] {
            let error = format!("{:#}", config(proxy, &environment).unwrap_err());
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn authorities_are_for_a_proxy_over_tls_and_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        let mut args = ProxyArgs {
            proxy: Some("https://proxy:1".to_owned()),
            proxy_credentials: None,
            proxy_ca: Some(file.clone()),
        };
        let made = |args: &ProxyArgs| args.config(|_| None).map_err(|e| format!("{e:#}"));
        for (text, words) in [
            ("", "it holds no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----",
                "no PEM",
            ),
        ] {
            fs::write(&file, text).unwrap();
            let error = made(&args).unwrap_err();
            assert!(
                error.contains("--proxy-ca") && error.contains(words),
                "{error}"
            );
        }
        args.proxy = Some("http://proxy:1".to_owned());
        let error = made(&args).unwrap_err();
        assert!(
            error.contains("--proxy-ca is for an https:// proxy"),
            "{error}"
        );
    }

    #[test]
    fn credentials_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("proxy");
        fs::write(&file, "anna:hush\n").unwrap();
        let mut args = ProxyArgs {
            proxy: Some("http://proxy:1".to_owned()),
            proxy_credentials: Some(file.clone()),
            proxy_ca: None,
        };
        let made = args.config(|_| None).unwrap();
        let ProxyConfig::Always(proxy) = made else {
            panic!("{made:?}")
        };
        assert!(proxy.has_credentials());
        fs::write(&file, "no colon, but hush").unwrap();
        let error = format!("{:#}", args.config(|_| None).unwrap_err());
        assert!(
            error.contains("USER:PASSWORD") && !error.contains("hush"),
            "{error}"
        );
        args.proxy = Some("none".to_owned());
        assert!(args.config(|_| None).is_err());
    }
}
