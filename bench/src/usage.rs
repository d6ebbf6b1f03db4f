//! What processes use, from /proc.

use std::fs;

use anyhow::{Context as _, Result};

/// Ticks of /proc/PID/stat in a second: `USER_HZ`, the same on every Linux
/// that Rust runs on.
const TICKS: f64 = 100.0;

/// CPU time of a process so far, user and system, in seconds.
///
/// # Errors
/// There is no such process.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_cpu(&stat).with_context(|| format!("{path} is not as expected"))
}

/// Fields 14 and 15; the name in field 2 may hold anything, parentheses too.
fn parse_cpu(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "17 (a) b) 1 2) S 1 17 17 0 -1 4194560 500 0 0 0 150 50 0 0 20 0 3 0 9 0 0";
        assert_eq!(parse_cpu(stat), Some(2.0));
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        assert_eq!(parse_cpu("17 (a) S 1"), None);
        assert_eq!(parse_cpu(""), None);
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(cpu_seconds(std::process::id()).unwrap() >= 0.0);
    }
}
