use super::Action::{Drain, Open};
use super::Carrier::{H2, Quic};
use super::*;

/// A session whose links do what a test says, for some seconds.
struct World {
    controller: Controller,
    now: u64,
    links: Vec<Sample>,
}

impl World {
    fn new(may_switch: bool) -> Self {
        Self::with(Controller::new(may_switch, None))
    }

    fn with(controller: Controller) -> Self {
        let mut this = Self {
            controller,
            now: 0,
            links: Vec::new(),
        };
        this.add(H2);
        this
    }

    fn add(&mut self, carrier: Carrier) {
        let id = self.links.last().map_or(0, |link| link.id + 1);
        self.links.push(Sample {
            id,
            carrier,
            takes_streams: true,
            streams: 0,
            bulk: 0,
            packets: [Some(Packets::default()), None],
        });
        self.controller.opened();
    }

    fn bulk(&mut self, link: usize, bulk: usize) {
        self.links[link].streams = bulk;
        self.links[link].bulk = bulk;
    }

    /// One second in which each link sends 1000 packets and loses `lost` of them.
    fn second(&mut self, lost: u64) -> Vec<Action> {
        self.now += 1;
        for link in &mut self.links {
            let packets = link.packets[0].get_or_insert_default();
            packets.sent += 1000;
            packets.lost += lost;
        }
        self.quiet_second()
    }

    fn quiet_second(&mut self) -> Vec<Action> {
        let now = Duration::from_secs(self.now);
        self.controller.tick(now, &self.links)
    }

    /// Seconds like this until something is to be done, at most `limit`.
    fn until_action(&mut self, limit: u64, lost: u64) -> Option<(u64, Action)> {
        let begun = self.now;
        while self.now - begun < limit {
            if let Some(action) = self.second(lost).first() {
                return Some((self.now - begun, *action));
            }
        }
        None
    }

    /// Makes every link over TCP that is asked for, for so many seconds.
    fn grow(&mut self, seconds: u64, lost: u64) {
        for _ in 0..seconds {
            for action in self.second(lost) {
                assert_eq!(action, Open(H2));
                self.add(H2);
            }
        }
    }
}

#[test]
fn without_bulk_one_link_is_enough() {
    let mut world = World::new(true);
    world.links[0].streams = 100;
    assert_eq!(world.until_action(3600, 0), None);
}

#[test]
fn a_second_link_opens_while_bulk_runs_on_the_first_and_closes_when_it_is_idle() {
    let mut world = World::new(true);
    world.bulk(0, 2);
    assert_eq!(world.second(0), [Open(H2)]);
    assert_eq!(world.second(0), [], "it is under way");
    world.add(H2);
    assert_eq!(world.until_action(600, 0), None);
    world.bulk(0, 0);
    let (after, action) = world.until_action(600, 0).unwrap();
    assert_eq!((after, action), (1, Drain(1)), "it was idle all the time");
}

#[test]
fn a_link_in_use_is_kept() {
    let mut world = World::new(true);
    world.bulk(0, 1);
    world.second(0);
    world.add(H2);
    world.bulk(0, 0);
    world.links[1].streams = 1;
    assert_eq!(world.until_action(600, 0), None);
    world.links[1].streams = 0;
    let (after, action) = world.until_action(600, 0).unwrap();
    assert_eq!((after, action), (61, Drain(1)));
}

#[test]
fn without_loss_bulk_on_every_link_does_not_make_links_without_end() {
    let mut world = World::new(true);
    for _ in 0..20 {
        for link in 0..world.links.len() {
            world.bulk(link, 1);
        }
        world.grow(1, 0);
    }
    assert_eq!(world.links.len(), MAX_CLEAN);
}

#[test]
fn under_loss_sixteen_streams_in_bulk_get_about_a_link_each() {
    let mut world = World::new(false);
    world.bulk(0, 16);
    world.grow(3, 10);
    assert_eq!(world.links.len(), 16, "all at once");
    world.grow(60, 10);
    assert_eq!(world.links.len(), 16);
    // They are kept for five minutes after the last loss.
    world.bulk(0, 0);
    let (after, action) = world.until_action(900, 0).unwrap();
    assert!((300..=320).contains(&after), "after {after} s");
    assert_eq!(action, Drain(1));
}

#[test]
fn what_the_hub_loses_counts_as_much() {
    let mut world = World::new(false);
    world.bulk(0, 16);
    for _ in 0..4 {
        for link in &mut world.links {
            let packets = link.packets[1].get_or_insert_default();
            packets.sent += 1000;
            packets.lost += 30;
        }
        world.grow(1, 0);
    }
    assert_eq!(world.links.len(), 16);
}

#[test]
fn what_is_lost_at_once_when_a_connection_begins_is_no_loss() {
    let mut world = World::new(false);
    world.bulk(0, 16);
    world.grow(1, 500);
    world.grow(60, 0);
    assert_eq!(world.links.len(), 2);
}

#[test]
fn thirty_seconds_of_loss_make_quic_the_better_carrier_and_end_the_rest_with_their_streams() {
    let mut world = World::new(true);
    world.links[0].streams = 1;
    assert_eq!(world.until_action(29, 10), None);
    let (_, action) = world.until_action(5, 10).unwrap();
    assert_eq!(action, Open(Quic));
    world.add(Quic);
    assert_eq!(world.until_action(3600, 10), None, "a stream is on it");
    world.links[0].streams = 0;
    assert_eq!(world.second(10), [Drain(0)]);
    world.links[0].takes_streams = false;
    world.bulk(1, 16);
    assert_eq!(world.until_action(3600, 50), None);
}

#[test]
fn loss_that_is_small_short_or_of_few_packets_changes_nothing() {
    let mut world = World::new(true);
    world.links[0].streams = 1;
    assert_eq!(world.until_action(600, 5), None, "0.5 % is not over 0.5 %");
    for _ in 0..20 {
        assert_eq!(world.until_action(15, 10), None);
        assert_eq!(world.until_action(20, 0), None);
    }
    for _ in 0..600 {
        world.now += 1;
        let packets = world.links[0].packets[0].get_or_insert_default();
        packets.sent += 10;
        packets.lost += 5;
        assert_eq!(world.quiet_second(), []);
    }
}

#[test]
fn where_quic_does_not_come_through_it_is_tried_again_after_five_minutes() {
    let mut world = World::new(true);
    world.links[0].streams = 1;
    let (_, action) = world.until_action(60, 10).unwrap();
    assert_eq!(action, Open(Quic));
    world.controller.failed(Duration::from_secs(world.now));
    let (after, action) = world.until_action(900, 10).unwrap();
    assert_eq!(action, Open(Quic));
    assert!((300..=301).contains(&after), "after {after} s");
}

#[test]
fn five_minutes_pass_between_two_attempts_whatever_session_the_first_was_of() {
    let since = Some(Duration::from_secs(100));
    let mut world = World::with(Controller::new(true, since));
    world.links[0].streams = 1;
    let (after, action) = world.until_action(900, 10).unwrap();
    assert_eq!((after, action), (200, Open(Quic)));
}

#[test]
fn who_insists_on_tcp_never_gets_quic() {
    let mut world = World::new(false);
    world.links[0].streams = 1;
    assert_eq!(world.until_action(3600, 100), None);
}

#[test]
fn a_link_that_could_not_be_made_is_not_asked_for_at_once() {
    let mut world = World::new(true);
    world.bulk(0, 1);
    assert_eq!(world.second(0), [Open(H2)]);
    world.controller.failed(Duration::from_secs(world.now));
    let (after, action) = world.until_action(60, 0).unwrap();
    assert_eq!((after, action), (30, Open(H2)));
}

#[test]
fn a_session_that_ends_gets_no_new_links() {
    let mut world = World::new(true);
    world.bulk(0, 5);
    world.links[0].takes_streams = false;
    assert_eq!(world.until_action(600, 50), None);
}
