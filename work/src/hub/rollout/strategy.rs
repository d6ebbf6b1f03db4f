use std::time::Duration;

use api::types::work::{RolloutLimits, RolloutStrategy, RolloutType};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Group;

/// How a rollout goes on, with everything in it checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Strategy {
    /// Which clusters are at work at once.
    pub kind: Kind,
    /// The groups that come first, one after the other; none of their clusters
    /// may fail.
    pub mandatory: Vec<GroupRef>,
    /// How many clusters may fail, of all or of a group; none by default.
    /// Beyond that no other cluster starts.
    pub max_failures: Size,
    /// How long a cluster soaks: stays among those at work after its success.
    pub min_success_time: Duration,
    /// How long a cluster may be at work until it is given up; for ever, without.
    pub progress_deadline: Option<Duration>,
}

/// Which clusters are at work at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// All, whatever fails.
    All,
    /// So many of all that are in no mandatory group; all by default.
    Progressive {
        /// How many.
        max_concurrency: Size,
    },
    /// Those of one decision group.
    ProgressivePerGroup,
}

/// A number of clusters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Size {
    /// So many.
    Count(u32),
    /// So many in a hundred, rounded up.
    Percent(u32),
    /// What is usual where it is asked for.
    #[default]
    Usual,
}

/// Names decision groups: by name, or by index where that is empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GroupRef {
    /// The groups' name.
    pub name: String,
    /// The group's index.
    pub index: i32,
}

/// Why a strategy cannot be followed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StrategyError {
    /// Neither `None` nor a number and its unit.
    #[error("progressDeadline {0:?} is neither None nor a number with the unit h, m or s")]
    Deadline(String),
    /// Not a duration as Go writes it.
    #[error("minSuccessTime {0:?} is no duration such as 5m or 1h30m")]
    SuccessTime(String),
    /// Neither a number nor a percentage.
    #[error("{field} {value:?} is neither a number nor a percentage")]
    Size {
        /// The field.
        field: &'static str,
        /// What it says.
        value: String,
    },
}

impl Default for Strategy {
    /// All at once.
    fn default() -> Self {
        Self {
            kind: Kind::All,
            mandatory: Vec::new(),
            max_failures: Size::Usual,
            min_success_time: Duration::ZERO,
            progress_deadline: None,
        }
    }
}

impl Strategy {
    /// Checks what a ManifestWorkReplicaSet or an add-on asks for.
    ///
    /// # Errors
    /// A time or a number of it cannot be read.
    pub fn read(asked: &RolloutStrategy) -> Result<Self, StrategyError> {
        let limits = match asked.type_ {
            RolloutType::All => &asked.all,
            RolloutType::Progressive => &asked.progressive,
            RolloutType::ProgressivePerGroup => &asked.progressive_per_group,
        };
        let none = RolloutLimits::default();
        let limits = limits.as_ref().unwrap_or(&none);
        let size = |field, size: &Option<IntOrString>| {
            let size = size.as_ref().map(|size| Size::read(field, size));
            size.transpose().map(Option::unwrap_or_default)
        };
        let progress_deadline = deadline(limits.progress_deadline.as_deref().unwrap_or_default())?;
        let kind = match asked.type_ {
            RolloutType::All => {
                return Ok(Self {
                    progress_deadline,
                    ..Self::default()
                });
            }
            RolloutType::Progressive => Kind::Progressive {
                max_concurrency: size("maxConcurrency", &limits.max_concurrency)?,
            },
            RolloutType::ProgressivePerGroup => Kind::ProgressivePerGroup,
        };
        let mandatory = limits.mandatory_decision_groups.iter();
        Ok(Self {
            kind,
            mandatory: mandatory
                .map(|group| GroupRef {
                    name: group.group_name.clone().unwrap_or_default(),
                    index: group.group_index.unwrap_or_default(),
                })
                .collect(),
            max_failures: size("maxFailures", &limits.max_failures)?,
            min_success_time: success_time(limits.min_success_time.as_deref().unwrap_or_default())?,
            progress_deadline,
        })
    }
}

impl GroupRef {
    pub(super) fn is(&self, group: &Group) -> bool {
        if self.name.is_empty() {
            self.index == group.index
        } else {
            self.name == group.name
        }
    }
}

impl Size {
    /// Reads the size that a field has.
    fn read(field: &'static str, size: &IntOrString) -> Result<Self, StrategyError> {
        let text = match size {
            IntOrString::Int(count) => return Ok(Self::Count((*count).try_into().unwrap_or(0))),
            IntOrString::String(text) => text,
        };
        let size = match text.strip_suffix('%') {
            Some(share) => share.parse().ok().map(Self::Percent),
            None => text.parse().ok().map(Self::Count),
        };
        size.ok_or_else(|| StrategyError::Size {
            field,
            value: text.clone(),
        })
    }

    /// How many that is of so many, and at most those; `None` is the usual,
    /// which is also what 0 stands for.
    #[must_use]
    pub fn of(self, total: usize) -> Option<usize> {
        let count = match self {
            Self::Usual => return None,
            Self::Count(count) => count as usize,
            Self::Percent(share) => total.saturating_mul(share as usize).div_ceil(100),
        };
        (count > 0).then_some(count.min(total))
    }
}

/// Reads how long a cluster may be at work: `None`, or a number with a unit.
fn deadline(text: &str) -> Result<Option<Duration>, StrategyError> {
    if text.is_empty() || text == "None" {
        return Ok(None);
    }
    let wrong = || StrategyError::Deadline(text.to_owned());
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    if !matches!(unit, 'h' | 'm' | 's') {
        return Err(wrong());
    }
    whole(text).map(Some).ok_or_else(wrong)
}

/// Reads how long a cluster soaks, as Go writes durations.
fn success_time(text: &str) -> Result<Duration, StrategyError> {
    if matches!(text, "" | "0") {
        return Ok(Duration::ZERO);
    }
    let wrong = || StrategyError::SuccessTime(text.to_owned());
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let number = rest.find(|c: char| c != '.' && !c.is_ascii_digit());
        let number = number.ok_or_else(wrong)?;
        let unit = rest[number..].find(|c: char| c == '.' || c.is_ascii_digit());
        let end = unit.map_or(rest.len(), |unit| number + unit);
        sum = part(&rest[..number], &rest[number..end])
            .and_then(|part| sum.checked_add(part))
            .ok_or_else(wrong)?;
        rest = &rest[end..];
    }
    Ok(sum)
}

/// A whole number with one unit.
fn whole(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    part(number, unit)
}

/// One part of a duration; a number may have a fraction.
fn part(number: &str, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}
