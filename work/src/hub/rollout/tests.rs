use std::collections::BTreeMap;

use api::types::work::RolloutStrategy;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::{
    Just, Strategy as _, any, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};
use proptest::sample::Index;
use serde_json::{Value, json};

use super::*;

type Statuses = BTreeMap<String, ClusterStatus>;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// So many seconds ago.
fn ago(status: Status, seconds: i64) -> ClusterStatus {
    let since = now() - SignedDuration::from_secs(seconds);
    ClusterStatus {
        status,
        since: Some(since),
    }
}

fn group(index: i32, name: &str, clusters: &[&str]) -> Group {
    Group {
        index,
        name: name.to_owned(),
        clusters: clusters.iter().map(|of| (*of).to_owned()).collect(),
    }
}

fn statuses<const N: usize>(of: [(&str, ClusterStatus); N]) -> Statuses {
    of.map(|(cluster, of)| (cluster.to_owned(), of)).into()
}

fn strategy(asked: Value) -> Strategy {
    let asked: RolloutStrategy = serde_json::from_value(asked).unwrap();
    Strategy::read(&asked).unwrap()
}

fn progressive(limits: Value) -> Strategy {
    strategy(json!({"type": "Progressive", "progressive": limits}))
}

fn names(rollout: &Rollout) -> Vec<&str> {
    let clusters = rollout.clusters_to_roll_out.iter();
    clusters.map(|(cluster, _)| cluster.as_str()).collect()
}

fn starting(rollout: &Rollout) -> Vec<&str> {
    let clusters = rollout.clusters_to_roll_out.iter();
    let starting = clusters.filter(|(_, status)| *status == Status::ToApply);
    starting.map(|(cluster, _)| cluster.as_str()).collect()
}

#[test]
fn all_at_once_whatever_fails() {
    let groups = [group(0, "", &["a", "b", "c"])];
    let all = strategy(json!({"type": "All", "all": {"progressDeadline": "10m"}}));
    let known = statuses([("a", ago(Status::Failed, 700))]);
    let rollout = roll_out(&all, &groups, &known, now());
    assert_eq!(starting(&rollout), ["b", "c"]);
    assert!(rollout.clusters_timed_out.contains("a"));
    assert!(!rollout.max_failure_breach);
}

#[test]
fn progressive_takes_clusters_by_name_up_to_max_concurrency() {
    let groups = [group(0, "", &["d", "b"]), group(1, "", &["a", "c"])];
    let two = progressive(json!({"maxConcurrency": 2}));
    let rollout = roll_out(&two, &groups, &Statuses::new(), now());
    assert_eq!(starting(&rollout), ["a", "b"]);
    let known = statuses([
        ("a", ago(Status::Succeeded, 5)),
        ("b", ago(Status::Progressing, 5)),
    ]);
    let rollout = roll_out(&two, &groups, &known, now());
    assert_eq!(names(&rollout), ["b", "c"]);
    assert_eq!(starting(&rollout), ["c"]);
}

#[test]
fn max_concurrency_is_a_number_or_a_share_rounded_up_and_all_by_default() {
    let clusters: Vec<String> = (0..5).map(|i| format!("c{i}")).collect();
    let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
    let groups = [group(0, "", &clusters)];
    let cases = [
        (json!({}), 5),
        (json!({"maxConcurrency": 3}), 3),
        (json!({"maxConcurrency": "3"}), 3),
        (json!({"maxConcurrency": "50%"}), 3),
        (json!({"maxConcurrency": "1%"}), 1),
        (json!({"maxConcurrency": 0}), 5),
        (json!({"maxConcurrency": 9}), 5),
    ];
    for (limits, at_once) in cases {
        let rollout = roll_out(
            &progressive(limits.clone()),
            &groups,
            &Statuses::new(),
            now(),
        );
        assert_eq!(starting(&rollout).len(), at_once, "{limits}");
    }
}

#[test]
fn a_cluster_that_has_succeeded_soaks_in_its_place() {
    let groups = [group(0, "", &["a", "b"])];
    let one = progressive(json!({"maxConcurrency": 1, "minSuccessTime": "1m30s"}));
    let known = statuses([("a", ago(Status::Succeeded, 60))]);
    let rollout = roll_out(&one, &groups, &known, now());
    assert_eq!(names(&rollout), ["a"]);
    assert_eq!(rollout.recheck_after, Some(Duration::from_secs(30)));
    let known = statuses([("a", ago(Status::Succeeded, 90))]);
    assert_eq!(starting(&roll_out(&one, &groups, &known, now())), ["b"]);
}

#[test]
fn a_cluster_past_its_deadline_times_out_and_counts_as_failed() {
    let groups = [group(0, "", &["a", "b", "c"])];
    let limits = |failures| {
        progressive(json!({
            "maxConcurrency": 1, "progressDeadline": "10m", "maxFailures": failures,
        }))
    };
    let known = statuses([("a", ago(Status::Progressing, 600))]);
    let none = roll_out(&limits(json!(0)), &groups, &known, now());
    assert!(none.max_failure_breach);
    assert_eq!(names(&none), [""; 0]);
    assert!(none.clusters_timed_out.contains("a"));
    let one = roll_out(&limits(json!("33%")), &groups, &known, now());
    assert!(!one.max_failure_breach);
    assert_eq!(starting(&one), ["b"]);
}

#[test]
fn a_deadline_of_nothing_gives_up_at_once_and_none_never() {
    let groups = [group(0, "", &["a"])];
    let known = statuses([("a", ago(Status::Progressing, 0))]);
    let at_once = progressive(json!({"progressDeadline": "0s"}));
    let rollout = roll_out(&at_once, &groups, &known, now());
    assert!(rollout.clusters_timed_out.contains("a"));
    let never = progressive(json!({"progressDeadline": "None"}));
    let rollout = roll_out(
        &never,
        &groups,
        &known,
        now() + SignedDuration::from_hours(9000),
    );
    assert_eq!(names(&rollout), ["a"]);
    assert_eq!(rollout.recheck_after, None);
}

#[test]
fn a_failed_cluster_keeps_its_place_until_its_deadline() {
    let groups = [group(0, "", &["a", "b"])];
    let limits = json!({"maxConcurrency": 1, "maxFailures": 1, "progressDeadline": "1m"});
    let known = statuses([("a", ago(Status::Failed, 20))]);
    let rollout = roll_out(&progressive(limits), &groups, &known, now());
    assert_eq!(
        rollout.clusters_to_roll_out,
        [("a".to_owned(), Status::Failed)]
    );
    assert_eq!(rollout.recheck_after, Some(Duration::from_secs(40)));
}

#[test]
fn groups_follow_each_other_when_all_but_the_failed_have_soaked() {
    let groups = [
        group(1, "", &["c", "d"]),
        group(0, "", &["a", "b"]),
        group(2, "", &["e"]),
    ];
    let per_group = strategy(json!({
        "type": "ProgressivePerGroup",
        "progressivePerGroup": {"minSuccessTime": "1m", "maxFailures": "50%"},
    }));
    let rollout = roll_out(&per_group, &groups, &Statuses::new(), now());
    assert_eq!(starting(&rollout), ["a", "b"]);
    let soaking = statuses([
        ("a", ago(Status::Succeeded, 59)),
        ("b", ago(Status::Failed, 5)),
    ]);
    let rollout = roll_out(&per_group, &groups, &soaking, now());
    assert_eq!(names(&rollout), ["a", "b"]);
    let later = now() + SignedDuration::from_secs(1);
    let rollout = roll_out(&per_group, &groups, &soaking, later);
    assert_eq!(starting(&rollout), ["c", "d"]);
    let failed = statuses([("a", ago(Status::Failed, 5)), ("b", ago(Status::Failed, 5))]);
    let rollout = roll_out(&per_group, &groups, &failed, now());
    assert!(rollout.max_failure_breach);
    assert_eq!(starting(&rollout), [""; 0]);
}

#[test]
fn mandatory_groups_come_first_and_none_of_them_may_fail() {
    let groups = [
        group(0, "", &["a"]),
        group(1, "canary", &["z"]),
        group(2, "canary", &["y"]),
    ];
    let limits = json!({
        "mandatoryDecisionGroups": [{"groupName": "canary"}], "maxFailures": "100%",
    });
    let canary = progressive(limits);
    let rollout = roll_out(&canary, &groups, &Statuses::new(), now());
    assert_eq!(starting(&rollout), ["z"]);
    let known = statuses([("z", ago(Status::Succeeded, 1))]);
    assert_eq!(starting(&roll_out(&canary, &groups, &known, now())), ["y"]);
    let known = statuses([
        ("y", ago(Status::Succeeded, 1)),
        ("z", ago(Status::Succeeded, 1)),
    ]);
    assert_eq!(starting(&roll_out(&canary, &groups, &known, now())), ["a"]);
    let known = statuses([("z", ago(Status::Failed, 1))]);
    let rollout = roll_out(&canary, &groups, &known, now());
    assert!(rollout.max_failure_breach);
    assert_eq!(starting(&rollout), [""; 0]);
    let by_index = progressive(json!({"mandatoryDecisionGroups": [{"groupIndex": 2}]}));
    let rollout = roll_out(&by_index, &groups, &Statuses::new(), now());
    assert_eq!(starting(&rollout), ["y"]);
}

#[test]
fn a_cluster_that_is_skipped_or_gone_takes_no_place() {
    let groups = [group(0, "", &["a", "b"])];
    let one = progressive(json!({"maxConcurrency": 1}));
    let known = statuses([
        ("a", ago(Status::Skip, 1)),
        ("gone", ago(Status::Progressing, 1)),
    ]);
    let rollout = roll_out(&one, &groups, &known, now());
    assert_eq!(starting(&rollout), ["b"]);
    assert_eq!(rollout.clusters_removed, ["gone".to_owned()].into());
}

#[test]
fn a_time_or_a_number_that_cannot_be_read_is_told() {
    let wrong = [
        json!({"progressDeadline": "10"}),
        json!({"progressDeadline": "m"}),
        json!({"progressDeadline": "1h30m"}),
        json!({"minSuccessTime": "soon"}),
        json!({"minSuccessTime": "5"}),
        json!({"minSuccessTime": "-5m"}),
        json!({"maxFailures": "some"}),
        json!({"maxConcurrency": "%"}),
    ];
    for limits in wrong {
        let asked = json!({"type": "Progressive", "progressive": limits});
        let asked: RolloutStrategy = serde_json::from_value(asked).unwrap();
        assert!(Strategy::read(&asked).is_err(), "{limits}");
    }
}

/// How a cluster may be, and since how many seconds.
fn any_status() -> impl proptest::strategy::Strategy<Value = ClusterStatus> {
    let status = prop_oneof![
        Just(Status::ToApply),
        Just(Status::Progressing),
        Just(Status::Succeeded),
        Just(Status::Failed),
        Just(Status::TimeOut),
        Just(Status::Skip),
    ];
    (status, 0..200_i64).prop_map(|(status, seconds)| ago(status, seconds))
}

fn any_groups() -> impl proptest::strategy::Strategy<Value = Vec<Group>> {
    let places = proptest::collection::vec(0..4_i32, 0..12);
    places.prop_map(|places| {
        let mut groups: Vec<Group> = (0..4).map(|index| group(index, "", &[])).collect();
        for (cluster, place) in places.into_iter().enumerate() {
            let clusters = &mut groups[usize::try_from(place).unwrap()].clusters;
            clusters.insert(format!("c{cluster:02}"));
        }
        groups
    })
}

fn any_size() -> impl proptest::strategy::Strategy<Value = Size> {
    prop_oneof![
        Just(Size::Usual),
        (0..14_u32).prop_map(Size::Count),
        (0..=100_u32).prop_map(Size::Percent),
    ]
}

fn any_strategy() -> impl proptest::strategy::Strategy<Value = Strategy> {
    let kind = prop_oneof![
        Just(Kind::All),
        any_size().prop_map(|max_concurrency| Kind::Progressive { max_concurrency }),
        Just(Kind::ProgressivePerGroup),
    ];
    let mandatory = proptest::collection::vec(0..4_i32, 0..2);
    let deadline = proptest::option::of(0..200_u64);
    (kind, mandatory, any_size(), 0..200_u64, deadline).prop_map(
        |(kind, mandatory, max_failures, soak, deadline)| Strategy {
            kind,
            mandatory: mandatory
                .into_iter()
                .map(|index| GroupRef {
                    name: String::new(),
                    index,
                })
                .collect(),
            max_failures,
            min_success_time: Duration::from_secs(soak),
            progress_deadline: deadline.map(Duration::from_secs),
        },
    )
}

fn any_case() -> impl proptest::strategy::Strategy<Value = (Strategy, Vec<Group>, Statuses)> {
    let known = proptest::collection::btree_map(
        (0..12).prop_map(|i| format!("c{i:02}")),
        any_status(),
        0..12,
    );
    (any_strategy(), any_groups(), known)
}

/// What the algorithm's words say of a cluster, said once more.
#[derive(Debug, PartialEq)]
enum Seen {
    Waits,
    Busy,
    Failed,
    Lost,
    Done,
}

fn seen(strategy: &Strategy, known: &Statuses, cluster: &str) -> Seen {
    let Some(of) = known.get(cluster) else {
        return Seen::Waits;
    };
    let age = now().duration_since(of.since.unwrap()).as_secs();
    let late = strategy
        .progress_deadline
        .is_some_and(|deadline| age >= deadline.as_secs() as i64);
    match of.status {
        Status::ToApply => Seen::Waits,
        Status::Skip => Seen::Done,
        Status::TimeOut => Seen::Lost,
        Status::Progressing | Status::Failed if late => Seen::Lost,
        Status::Progressing => Seen::Busy,
        Status::Failed => Seen::Failed,
        Status::Succeeded if age >= strategy.min_success_time.as_secs() as i64 => Seen::Done,
        Status::Succeeded => Seen::Busy,
    }
}

fn is_mandatory(strategy: &Strategy, group: &Group) -> bool {
    strategy.mandatory.iter().any(|of| of.index == group.index)
}

proptest! {
    #[test]
    fn never_more_than_max_concurrency_are_at_work((strategy, groups, known) in any_case()) {
        let rollout = roll_out(&strategy, &groups, &known, now());
        if let Kind::Progressive { max_concurrency } = strategy.kind {
            let rest: Vec<&String> = groups
                .iter()
                .filter(|group| !is_mandatory(&strategy, group))
                .flat_map(|group| &group.clusters)
                .collect();
            let most = max_concurrency.of(rest.len()).unwrap_or(rest.len());
            let of_rest = |names: Vec<&str>| names.iter().filter(|of| rest.iter().any(|rest| rest.as_str() == **of)).count();
            let at_work = of_rest(names(&rollout));
            prop_assert!(at_work <= most || of_rest(starting(&rollout)) == 0);
        }
    }

    #[test]
    fn no_cluster_starts_where_too_many_have_failed((strategy, groups, known) in any_case()) {
        let rollout = roll_out(&strategy, &groups, &known, now());
        if strategy.kind == Kind::All && strategy.mandatory.is_empty() {
            prop_assert!(!rollout.max_failure_breach);
        }
        let failed = |clusters: &mut dyn Iterator<Item = &String>| {
            clusters.filter(|of| matches!(seen(&strategy, &known, of), Seen::Failed | Seen::Lost)).count()
        };
        let starts = |group: &Group| {
            starting(&rollout).iter().any(|of| group.clusters.contains(*of))
        };
        for group in &groups {
            let most = match strategy.kind {
                _ if is_mandatory(&strategy, group) => 0,
                Kind::ProgressivePerGroup => strategy.max_failures.of(group.clusters.len()).unwrap_or(0),
                Kind::All | Kind::Progressive { .. } => continue,
            };
            if failed(&mut group.clusters.iter()) > most {
                prop_assert!(!starts(group));
            }
        }
        if let Kind::Progressive { .. } = strategy.kind {
            let rest = groups.iter().filter(|group| !is_mandatory(&strategy, group));
            let total = rest.clone().map(|group| group.clusters.len()).sum();
            let most = strategy.max_failures.of(total).unwrap_or(0);
            if failed(&mut rest.clone().flat_map(|group| &group.clusters)) > most {
                prop_assert!(!rest.clone().any(starts));
            }
        }
    }

    #[test]
    fn mandatory_groups_are_done_before_any_other_cluster_starts((strategy, groups, known) in any_case()) {
        let rollout = roll_out(&strategy, &groups, &known, now());
        let of = |cluster: &str| groups.iter().find(|group| group.clusters.contains(cluster)).unwrap();
        if starting(&rollout).iter().any(|cluster| !is_mandatory(&strategy, of(cluster))) {
            for group in groups.iter().filter(|group| is_mandatory(&strategy, group)) {
                for cluster in &group.clusters {
                    prop_assert_eq!(seen(&strategy, &known, cluster), Seen::Done);
                }
            }
        }
    }

    #[test]
    fn a_group_starts_when_those_before_it_have_none_at_work((strategy, groups, known) in any_case()) {
        let rollout = roll_out(&strategy, &groups, &known, now());
        if strategy.kind == Kind::ProgressivePerGroup {
            let starts: Vec<&Group> = groups
                .iter()
                .filter(|group| starting(&rollout).iter().any(|of| group.clusters.contains(*of)))
                .collect();
            prop_assert!(starts.len() <= 1);
            let place = |group: &Group| (!is_mandatory(&strategy, group), group.index);
            for before in groups.iter().filter(|group| starts.iter().any(|of| place(group) < place(of))) {
                for cluster in &before.clusters {
                    let seen = seen(&strategy, &known, cluster);
                    prop_assert!(!matches!(seen, Seen::Waits | Seen::Busy), "{:?}", seen);
                }
            }
        }
    }

    #[test]
    fn the_answer_stays_until_it_is_to_be_asked_again(
        (strategy, groups, known) in any_case(), part in 0.0..1.0_f64,
    ) {
        let same = |mut rollout: Rollout| {
            rollout.recheck_after = None;
            rollout
        };
        let first = roll_out(&strategy, &groups, &known, now());
        let most = first.recheck_after.unwrap_or(Duration::from_secs(1_000_000));
        prop_assert!(!most.is_zero());
        for wait in [most.mul_f64(part), most - Duration::from_nanos(1)] {
            let later = now() + SignedDuration::try_from(wait).unwrap();
            if wait < most {
                prop_assert_eq!(same(first.clone()), same(roll_out(&strategy, &groups, &known, later)));
            }
        }
        if let Some(recheck) = first.recheck_after {
            let then = now() + SignedDuration::try_from(recheck).unwrap();
            prop_assert_ne!(first, roll_out(&strategy, &groups, &known, then));
        }
    }

    #[test]
    fn a_rollout_ends_and_keeps_its_bounds_on_the_way(
        strategy in any_strategy(),
        groups in any_groups(),
        fails in proptest::collection::btree_set((0..12).prop_map(|i| format!("c{i:02}")), 0..4),
        choices in proptest::collection::vec(any::<Index>(), 200),
    ) {
        let mut now = now();
        let mut known = Statuses::new();
        let mut choices = choices.iter().cycle();
        let mut breach = false;
        for _ in 0..200 {
            let rollout = roll_out(&strategy, &groups, &known, now);
            breach = rollout.max_failure_breach;
            for cluster in starting(&rollout) {
                let begun = ClusterStatus { status: Status::Progressing, since: Some(now) };
                known.insert(cluster.to_owned(), begun);
            }
            let busy: Vec<String> = known
                .iter()
                .filter(|(_, of)| of.status == Status::Progressing)
                .map(|(cluster, _)| cluster.clone())
                .filter(|cluster| !rollout.clusters_timed_out.contains(cluster))
                .collect();
            if busy.is_empty() {
                let Some(recheck) = rollout.recheck_after else { break };
                now += SignedDuration::try_from(recheck).unwrap();
                continue;
            }
            let cluster = choices.next().unwrap().get(&busy);
            let status = if fails.contains(cluster) { Status::Failed } else { Status::Succeeded };
            known.insert(cluster.clone(), ClusterStatus { status, since: Some(now) });
        }
        let gives_up_at_once = strategy.progress_deadline == Some(Duration::ZERO);
        if !breach && !gives_up_at_once {
            let all = groups.iter().flat_map(|group| &group.clusters);
            // A failed cluster that is never given up keeps its place for ever.
            let kept = strategy.progress_deadline.is_none() && known.values().any(|of| of.status == Status::Failed);
            for cluster in all {
                prop_assert!(kept || known.contains_key(cluster), "{} never started", cluster);
            }
        }
    }
}
