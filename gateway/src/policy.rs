//! The policy file: which users and groups may reach what in which clusters.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use proto::{TargetHost, TargetRule, TargetRuleError};
use serde::Deserialize;

mod pattern;

use self::pattern::ClusterPattern;
pub use self::pattern::PatternError;
use crate::access::{Access, AccessRequest, Ask, Decision};
use crate::user;

/// The largest policy file taken, in bytes.
const MAX_FILE_LEN: u64 = 1 << 20;

/// Who may reach what in which clusters, from a YAML file.
///
/// ```yaml
/// # Everything that no rule allows is denied. Members of system:masters may
/// # reach every cluster and need no rule.
/// rules:
///   - users: [alice]
///     groups: [platform-team]
///     clusters: [edge-7, "prod-*"]
///   - groups: ["system:authenticated"]   # everyone who said who he is
///     clusters: [playground]
///   - users: [prometheus]
///     clusters: ["*"]
///     targets: ["10.0.0.0/8:9100", "*.svc:*"]   # TCP connections to these, too
/// ```
///
/// A rule holds for a user whom it names or one of whose groups it names;
/// users and groups are matched exactly. In a cluster's name `*` stands for
/// any run of characters. A rule allows requests to the cluster's API, and TCP
/// connections to its `targets`, which are [`TargetRule`]s; without them to
/// none. Requests to a Service are judged as connections to it; one that gives
/// the port's name needs a target with `*` for the port. The hub resolves no names: a network allows addresses written as
/// such, a name only itself. Rules only add. Unknown fields are errors, and so
/// are rules that could never allow anything.
#[derive(Clone, Debug, Default)]
pub struct PolicyFile {
    rules: Vec<Rule>,
}

/// A policy that can be replaced while requests are decided.
///
/// Clones are handles to the same policy.
#[derive(Clone, Debug, Default)]
pub struct LivePolicy {
    current: Arc<RwLock<Arc<PolicyFile>>>,
}

/// Why a policy file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not the documented form.
    #[error("{0}")]
    Form(#[from] Box<serde_saphyr::Error>),
    /// A cluster's pattern is wrong.
    #[error("rule {rule}: {source}")]
    Pattern {
        /// The rule, counted from 1.
        rule: usize,
        /// What is wrong.
        source: PatternError,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The rule allows nobody, or no cluster.
    #[error("rule {rule} names no {what}; it would never allow anything")]
    Idle {
        /// The rule, counted from 1.
        rule: usize,
        /// What is missing.
        what: &'static str,
    },
    /// A user's or group's name cannot be one.
    #[error("rule {rule}: {source}")]
    Subject {
        /// The rule, counted from 1.
        rule: usize,
        /// What is wrong.
        source: user::UserError,
    },
    /// A target's pattern is wrong.
    #[error("rule {rule}: {source}")]
    Target {
        /// The rule, counted from 1.
        rule: usize,
        /// What is wrong.
        source: TargetRuleError,
    },
    /// The file is larger than 1 MiB.
    #[error("{path} has {len} bytes; {MAX_FILE_LEN} are allowed")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
    },
}

#[derive(Clone, Debug)]
struct Rule {
    users: HashSet<String>,
    groups: HashSet<String>,
    clusters: Vec<ClusterPattern>,
    targets: Vec<TargetRule>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<FileRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    #[serde(default)]
    users: HashSet<String>,
    #[serde(default)]
    groups: HashSet<String>,
    clusters: Vec<String>,
    #[serde(default)]
    targets: Vec<String>,
}

impl PolicyFile {
    /// What a new hub's policy file says: nobody but `system:masters`, and
    /// in comments how to change that.
    pub const TEMPLATE: &str = include_str!("policy/template.yaml");

    /// Reads the file's text. An empty text is a policy that allows nobody
    /// but `system:masters`.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let says_nothing = |line: &str| line.is_empty() || line.starts_with('#');
        if text.lines().map(str::trim).all(says_nothing) {
            return Ok(Self::default());
        }
        let file: File = serde_saphyr::from_str(text).map_err(Box::new)?;
        let rules = file.rules.into_iter().enumerate();
        let rules = rules.map(|(index, rule)| Rule::check(index + 1, rule));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// Reads the file; it may have 1 MiB at most. Blocks on the file system.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let failed = |source| PolicyError::Read {
            path: path.to_owned(),
            source,
        };
        let len = std::fs::metadata(path).map_err(failed)?.len();
        if len > MAX_FILE_LEN {
            return Err(PolicyError::TooLarge {
                path: path.to_owned(),
                len,
            });
        }
        Self::parse(&std::fs::read_to_string(path).map_err(failed)?)
    }
}

impl Access for PolicyFile {
    fn allows(&self, request: &AccessRequest<'_>) -> Decision {
        let user = request.user;
        let allowed = user.is_master() || self.rules.iter().any(|rule| rule.allows(request));
        if allowed {
            Decision::Allow
        } else {
            Decision::Deny
        }
    }
}

impl LivePolicy {
    /// Starts with a policy.
    pub fn new(policy: PolicyFile) -> Self {
        Self {
            current: Arc::new(RwLock::new(Arc::new(policy))),
        }
    }

    /// Decides by another policy from now on; streams that are open stay.
    pub fn replace(&self, policy: PolicyFile) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }
}

impl Access for LivePolicy {
    fn allows(&self, request: &AccessRequest<'_>) -> Decision {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        current.allows(request)
    }
}

impl Rule {
    fn check(number: usize, rule: FileRule) -> Result<Self, PolicyError> {
        let idle = |what| PolicyError::Idle { rule: number, what };
        if rule.users.is_empty() && rule.groups.is_empty() {
            return Err(idle("user or group"));
        }
        if rule.clusters.is_empty() {
            return Err(idle("cluster"));
        }
        for subject in rule.users.iter().chain(&rule.groups) {
            user::check(subject).map_err(|source| PolicyError::Subject {
                rule: number,
                source,
            })?;
        }
        let clusters = rule.clusters.iter().map(|pattern| pattern.parse());
        let clusters = clusters.collect::<Result<_, _>>();
        let targets = rule.targets.iter().map(|target| target.parse());
        let targets = targets.collect::<Result<_, _>>();
        Ok(Self {
            users: rule.users,
            groups: rule.groups,
            clusters: clusters.map_err(|source| PolicyError::Pattern {
                rule: number,
                source,
            })?,
            targets: targets.map_err(|source| PolicyError::Target {
                rule: number,
                source,
            })?,
        })
    }

    fn allows(&self, request: &AccessRequest<'_>) -> bool {
        let user = request.user;
        let named = self.users.contains(&user.name)
            || user.groups.iter().any(|group| self.groups.contains(group));
        named
            && self.clusters.iter().any(|c| c.matches(request.cluster))
            && match request.ask {
                Ask::Connect(target) => {
                    let full_name = target.full_service_name();
                    self.allows_target(target.host(), full_name, Some(target.port()))
                }
                Ask::Request { .. } => true,
                Ask::Service { service, .. } => {
                    let full_name = Some(service.full_name());
                    self.allows_target(&service.host(), full_name, service.number())
                }
            }
    }

    /// A Service's name may be written with the cluster's domain in a rule.
    /// Where the port's number is not known, a rule has to allow all.
    fn allows_target(&self, host: &str, full_name: Option<String>, port: Option<u16>) -> bool {
        let allows = |host: &str| {
            let host = TargetHost::new(host);
            self.targets.iter().any(|rule| match port {
                Some(port) => rule.allows_as_written(&host, port),
                None => rule.allows_all_ports_as_written(&host),
            })
        };
        allows(host) || full_name.is_some_and(|name| allows(&name))
    }
}

#[cfg(test)]
mod tests;
