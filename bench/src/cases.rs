//! The cases, in the order in which they are run.

use std::time::Duration;

use crate::case::{Case, Load, Work};
use crate::place::Line;
use crate::system::Kind;

/// Those of `make bench`; with `all`, those of `make bench-all` too.
pub(crate) fn list(all: bool) -> Vec<Case> {
    let mut cases = on_loopback();
    if all {
        cases.extend(of_thousands());
        cases.extend(of_an_hour());
        for (suffix, loss) in [("rtt40", 0), ("loss1", 1), ("loss5", 5)] {
            cases.extend(far(suffix, loss));
        }
    }
    cases
}

/// Every way in.
const EVERY: &[Kind] = &Kind::ALL;

/// Those in which streams share something that one of them could block, and
/// `rathole`, in which they do not.
const SHARING: &[Kind] = &[
    Kind::Direct,
    Kind::Rathole,
    Kind::KonnectivityGrpc,
    Kind::KonnectivityConnect,
    Kind::AditH2,
    Kind::AditQuic,
];

/// Those with two ends that hold something for a stream.
const TUNNELS: &[Kind] = &[
    Kind::Relay,
    Kind::Rathole,
    Kind::KonnectivityGrpc,
    Kind::KonnectivityReuse,
    Kind::KonnectivityConnect,
    Kind::AditH2,
    Kind::AditQuic,
    Kind::AditConnect,
];

/// Those whose ends find each other again by themselves.
const RECOVERING: &[Kind] = &[
    Kind::Rathole,
    Kind::KonnectivityGrpc,
    Kind::AditH2,
    Kind::AditQuic,
];

/// Adit's own, by carrier.
const CARRIERS: &[Kind] = &[Kind::AditH2, Kind::AditQuic];

/// How long an end that was killed is gone.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);

/// How long what does nothing is watched.
const MOMENT: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

fn on_loopback() -> Vec<Case> {
    let case = |name: &str, systems, rounds, work| Case {
        name: name.to_owned(),
        line: Line::Loopback,
        systems,
        rounds,
        work,
    };
    let load = |mode, flags| Work::Load(Load::new(mode, flags));
    let spoiling = |mode, flags| Work::Load(Load::new(mode, flags).spoiling());
    vec![
        case(
            "bulk_1_down",
            EVERY,
            3,
            load("bulk", "--streams 1 --for 2s"),
        ),
        case(
            "bulk_1_up",
            EVERY,
            3,
            load("bulk", "--up --streams 1 --for 2s"),
        ),
        case(
            "bulk_16_down",
            EVERY,
            3,
            load("bulk", "--streams 16 --for 2s"),
        ),
        case(
            "bulk_16_up",
            EVERY,
            3,
            load("bulk", "--up --streams 16 --for 2s"),
        ),
        case("http_1", EVERY, 3, load("http", "--streams 1 --for 2s")),
        case("http_64", EVERY, 3, load("http", "--streams 64 --for 2s")),
        case(
            "connect_16",
            EVERY,
            3,
            load("connect", "--streams 16 --for 2s"),
        ),
        case(
            "beside_bulk",
            EVERY,
            3,
            load("beside", "--streams 4 --rate 25 --for 2s"),
        ),
        case(
            "stalled_download",
            SHARING,
            3,
            spoiling("stall", "--for 2s"),
        ),
        case(
            "stalled_upload",
            SHARING,
            3,
            spoiling("stall", "--up --for 2s"),
        ),
        case(
            "abort_16",
            SHARING,
            3,
            spoiling("abort", "--streams 16 --for 2s"),
        ),
        case(
            "close_tail",
            EVERY,
            1,
            spoiling("close", "--streams 8 --count 1000 --size 1048576"),
        ),
        case(
            "half_close",
            EVERY,
            1,
            spoiling("half", "--streams 8 --count 1000"),
        ),
        case("idle_streams", TUNNELS, 1, Work::IdleStreams(1000, MOMENT)),
        case("idle_agents", CARRIERS, 1, Work::IdleAgents(1000, MOMENT)),
        case("storm", CARRIERS, 1, Work::Storm(1000)),
        case("recovery", RECOVERING, 3, Work::Recovery(SHORT)),
        case("recovery_30s", CARRIERS, 1, Work::Recovery(LONG)),
    ]
}

/// Ten thousand agents, and as many streams as a session takes.
fn of_thousands() -> Vec<Case> {
    let case = |name: &str, systems, work| Case {
        name: name.to_owned(),
        line: Line::Loopback,
        systems,
        rounds: 1,
        work,
    };
    vec![
        case(
            "idle_streams_4000",
            TUNNELS,
            Work::IdleStreams(4000, MOMENT),
        ),
        case(
            "idle_agents_10000",
            CARRIERS,
            Work::IdleAgents(10_000, MOMENT),
        ),
        case("storm_10000", CARRIERS, Work::Storm(10_000)),
    ]
}

/// Whether what idles grows with time.
fn of_an_hour() -> Vec<Case> {
    let case = |name: &str, work| Case {
        name: format!("{name}_hour"),
        line: Line::Loopback,
        systems: CARRIERS,
        rounds: 1,
        work,
    };
    vec![
        case("idle_streams", Work::IdleStreams(1000, HOUR)),
        case("idle_agents", Work::IdleAgents(1000, HOUR)),
    ]
}

/// Over a way of 40 ms there and back that loses so many packets of a hundred.
fn far(suffix: &str, loss: u8) -> Vec<Case> {
    let case = |name: &str, mode, flags| Case {
        name: format!("{name}_{suffix}"),
        line: Line::Far { loss },
        systems: EVERY,
        rounds: 3,
        // What is on its way at the end would be in the next one's way.
        work: Work::Load(Load::new(mode, flags).spoiling()),
    };
    vec![
        case("bulk_1_down", "bulk", "--streams 1 --for 6s"),
        case("bulk_1_up", "bulk", "--up --streams 1 --for 6s"),
        case("bulk_16_down", "bulk", "--streams 16 --for 6s"),
        case("bulk_16_up", "bulk", "--up --streams 16 --for 6s"),
        case("http_1", "http", "--streams 1 --for 6s"),
        case("http_64", "http", "--streams 64 --for 6s"),
        case("connect_16", "connect", "--streams 16 --for 6s"),
        case("beside_bulk", "beside", "--streams 4 --rate 5 --for 6s"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_cases_share_a_name() {
        let cases = list(true);
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
    }
}
