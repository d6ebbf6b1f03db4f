//! Adit's one binary: hub, agent, and the commands around them.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

mod addresses;
mod agent_port;
mod authorities;
mod backup;
mod byte_size;
mod ca;
mod ca_pin;
mod cli;
mod clusters;
mod commands;
mod connect_client;
mod credentials;
mod data_dir;
mod demo;
mod https_client;
mod hub;
mod hub_client;
mod hub_login;
mod join;
mod join_token;
mod keyring;
mod kubeconfig;
mod lifetime;
mod local;
mod open_metrics;
mod output;
mod proxy;
mod published;
mod secret_yaml;
mod shutdown;
mod stamp;
mod tcp;
mod telemetry;
mod token_exchange;
mod tokens;
#[cfg(feature = "otel")]
mod traces;
mod wait;

/// The system's allocator gives memory back and asks for it again with every
/// large buffer: bulk costs it half as much again in processor time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The command line was wrong; clap uses the same.
const USAGE: u8 = 2;

/// How long blocking file access may hold up the end of the process.
const LAST_WAIT: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("adit: another cryptography provider was installed first");
        return ExitCode::FAILURE;
    }
    let cli = cli::Cli::parse();
    if let Err(error) = telemetry::start(&cli.log_filter(), cli.log_format) {
        eprintln!("adit: --log: {error}");
        return ExitCode::from(USAGE);
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("adit: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli.command));
    runtime.shutdown_timeout(LAST_WAIT);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("adit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(feature = "otel"))]
async fn run(command: cli::Command) -> anyhow::Result<()> {
    commands::run(command).await
}

/// Spans are sent beside the command, and to the last one after it.
#[cfg(feature = "otel")]
async fn run(command: cli::Command) -> anyhow::Result<()> {
    match traces::Traces::start() {
        Ok(Some(traces)) => Box::pin(traces.beside(commands::run(command))).await,
        Ok(None) => commands::run(command).await,
        Err(error) => Err(anyhow::Error::new(error).context("cannot send traces by OTLP")),
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}
