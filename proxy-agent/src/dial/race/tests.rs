use std::sync::Mutex;

use super::*;

/// What an address does when it is dialled.
#[derive(Clone, Copy)]
enum Far {
    Answers(Duration),
    Refuses(Duration),
    Silent,
}

/// A network in which every address is of one kind, and what was dialled when.
struct Net {
    hosts: Vec<(SocketAddr, Far)>,
    began: Instant,
    dialled: Mutex<Vec<(SocketAddr, Duration)>>,
    /// One for each attempt that is over, or dropped.
    ended: Mutex<Vec<SocketAddr>>,
}

struct Attempted<'a>(&'a Net, SocketAddr);

impl Drop for Attempted<'_> {
    fn drop(&mut self) {
        self.0.ended.lock().unwrap().push(self.1);
    }
}

impl Net {
    fn new(hosts: &[(&str, Far)]) -> Self {
        Self {
            hosts: hosts.iter().map(|&(host, far)| (at(host), far)).collect(),
            began: Instant::now(),
            dialled: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    async fn dial(&self, limit: Duration) -> Result<SocketAddr, Unreached> {
        let addresses: Vec<SocketAddr> = self.hosts.iter().map(|&(address, _)| address).collect();
        let won = race(&addresses, limit, |address| self.connect(address)).await;
        won.map(|(address, ())| address)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<()> {
        let at = self.began.elapsed();
        self.dialled.lock().unwrap().push((address, at));
        let _attempted = Attempted(self, address);
        let (_, far) = self.hosts.iter().find(|host| host.0 == address).unwrap();
        match *far {
            Far::Answers(after) => sleep(after).await,
            Far::Refuses(after) => {
                sleep(after).await;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Far::Silent => std::future::pending().await,
        }
        Ok(())
    }

    fn starts(&self) -> Vec<Duration> {
        let dialled = self.dialled.lock().unwrap();
        dialled.iter().map(|&(_, when)| when).collect()
    }
}

const LIMIT: Duration = Duration::from_secs(10);
const NOW: Duration = Duration::ZERO;

fn at(host: &str) -> SocketAddr {
    format!("{host}:443").parse().unwrap()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn families_take_turns_and_the_first_keeps_its_place() {
    let order = |texts: &[&str]| -> Vec<String> {
        let order = interleave(texts.iter().map(|text| at(text)));
        order
            .iter()
            .map(|address| address.ip().to_string())
            .collect()
    };
    assert_eq!(
        order(&["[::1]", "[::2]", "[::3]", "1.0.0.1", "1.0.0.2"]),
        ["::1", "1.0.0.1", "::2", "1.0.0.2", "::3"]
    );
    assert_eq!(
        order(&["1.0.0.1", "1.0.0.2", "1.0.0.3", "[::1]"]),
        ["1.0.0.1", "::1", "1.0.0.2", "1.0.0.3"]
    );
    assert_eq!(order(&["1.0.0.1"]), ["1.0.0.1"]);
    assert!(order(&[]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_silent_address_costs_one_head_start() {
    let net = Net::new(&[("[::1]", Far::Silent), ("1.0.0.1", Far::Answers(ms(20)))]);
    assert_eq!(net.dial(LIMIT).await.unwrap(), at("1.0.0.1"));
    assert_eq!(net.starts(), [NOW, ms(250)]);
    assert_eq!(net.began.elapsed(), ms(270));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_refuses_costs_no_wait() {
    let net = Net::new(&[
        ("[::1]", Far::Refuses(ms(10))),
        ("1.0.0.1", Far::Refuses(ms(10))),
        ("[::2]", Far::Answers(ms(10))),
    ]);
    assert_eq!(net.dial(LIMIT).await.unwrap(), at("[::2]"));
    assert_eq!(net.starts(), [NOW, ms(10), ms(20)]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_answers_at_once_is_the_only_one_dialled() {
    let net = Net::new(&[
        ("[::1]", Far::Answers(ms(249))),
        ("1.0.0.1", Far::Answers(NOW)),
    ]);
    assert_eq!(net.dial(LIMIT).await.unwrap(), at("[::1]"));
    assert_eq!(net.starts(), [NOW]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_can_still_win_and_the_others_are_dropped() {
    let net = Net::new(&[
        ("[::1]", Far::Answers(ms(600))),
        ("1.0.0.1", Far::Silent),
        ("[::2]", Far::Silent),
    ]);
    assert_eq!(net.dial(LIMIT).await.unwrap(), at("[::1]"));
    assert_eq!(net.starts(), [NOW, ms(250), ms(500)]);
    assert_eq!(net.ended.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn every_address_gets_its_turn_within_a_short_limit() {
    let silent: Vec<String> = (1..=15).map(|n| format!("1.0.0.{n}")).collect();
    let mut hosts: Vec<_> = silent.iter().map(|ip| (ip.as_str(), Far::Silent)).collect();
    hosts.push(("1.0.0.16", Far::Answers(ms(5))));
    let net = Net::new(&hosts);
    assert_eq!(net.dial(ms(320)).await.unwrap(), at("1.0.0.16"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_tells_of_every_address() {
    let net = Net::new(&[("[::1]", Far::Silent), ("1.0.0.1", Far::Refuses(NOW))]);
    let error = net.dial(LIMIT).await.unwrap_err();
    assert_eq!(net.began.elapsed(), LIMIT);
    assert_eq!(
        error.to_string(),
        "cannot connect to any of 2 addresses: [::1]:443: no answer within 10.0s; \
         1.0.0.1:443: connection refused"
    );
    assert!(!error.is_silence());
    let error = Net::new(&[("[::1]", Far::Silent)]).dial(LIMIT).await;
    assert!(error.unwrap_err().is_silence());
}
