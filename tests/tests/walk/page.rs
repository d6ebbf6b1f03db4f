//! The README's commands, as they stand there.

use std::path::Path;

use rustix::process::Signal;
use tests::process::Process;
use tests::wait::{self, GENEROUS, once};

use crate::PLACE;
use crate::machine::Machine;
use crate::place::{Place, without};
use crate::readme::{ANYTHING, At, Block, How, Step};

/// What the page has people do in the cluster for themselves.
const THEIRS: [&str; 1] = ["ClusterRoleBinding <none> dev"];

#[test]
fn the_readmes_walk_goes_as_it_says() {
    PLACE.test(async |place| {
        let _turn = place.turn().await;
        let before = place.inventory().await.unwrap();
        let mut walk = Walk::new(place).await;
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let blocks = Block::all(&std::fs::read_to_string(readme).unwrap());
        assert!(blocks.len() > 5, "the page has a walk");
        for block in &blocks {
            walk.take(block).await;
        }
        let after = place.inventory().await.unwrap();
        assert_eq!(without(&after, &before), THEIRS, "the cluster is as before");
        assert_eq!(without(&before, &after), [""; 0]);
        let undo = ["delete", "clusterrolebinding", "dev"];
        place.kubectl().unwrap().run(&undo).await.unwrap().ok();
    });
}

/// Somebody who reads a page and has two machines.
struct Walk {
    hub: Machine,
    cluster: Machine,
    /// What stays on each, the last one first to be ended.
    staying: Vec<(At, Process)>,
    /// The last line that said how to join.
    join: String,
}

const JOIN: &str = "adit join --hub ";

impl Walk {
    async fn new(place: &Place) -> Self {
        Self {
            hub: place.hub().unwrap(),
            cluster: place.beside().await.unwrap(),
            staying: Vec::new(),
            join: String::new(),
        }
    }

    async fn take(&mut self, block: &Block) {
        if block.how == How::AfterInterrupt {
            let last = self.staying.iter().rposition(|(at, _)| *at == block.at);
            let (_, process) = self.staying.remove(last.expect("something stays there"));
            process.signal(Signal::INT);
            let ended = process.end(GENEROUS).await.unwrap();
            assert!(ended.success(), "{ended}: {}", process.output());
        }
        for step in &block.steps {
            let command = self.in_full(&step.command);
            eprintln!("{:?}: $ {command}", block.at);
            if block.how == How::Stays {
                let process = self.machine(block.at).start("walk", &command).unwrap();
                let says = async || once(step.missing(&process.output()).is_none());
                process.until("what it says", GENEROUS, says).await.unwrap();
                self.staying.push((block.at, process));
            } else if command.starts_with("export ") {
                self.machine(block.at).export(&command);
            } else {
                self.run(block.at, step, &command).await;
            }
        }
    }

    async fn run(&mut self, at: At, step: &Step, command: &str) {
        // What is only looked at may be looked at again.
        let looks = command.contains("kubectl get ") || command.starts_with("adit clusters");
        let machine = self.machine(at);
        let mut last = None;
        let goes = async || {
            let ran = machine.run(command).await.unwrap();
            let fine = ran.code == 0 && step.missing(&ran.stdout).is_none();
            last = Some(ran);
            once(fine || !looks)
        };
        let went = wait::until(command, GENEROUS, goes).await;
        let ran = last.expect("it was run");
        assert!(went.is_ok() && ran.code == 0, "$ {command}\n{ran:#?}");
        assert_eq!(
            step.missing(&ran.stdout),
            None,
            "$ {command}\n{}",
            ran.stdout
        );
        eprint!("{}", ran.stdout);
        let join = ran.stdout.lines().find(|line| line.starts_with(JOIN));
        if let Some(join) = join {
            self.join = join.to_owned();
        }
    }

    /// A command with what the reader puts in from what was printed before.
    fn in_full(&self, command: &str) -> String {
        if !command.contains(ANYTHING) {
            return command.to_owned();
        }
        assert!(command.starts_with(JOIN), "{command}");
        let name = " --cluster-name edge-7";
        let (_, own) = command.split_once(name).expect("it is named");
        assert!(self.join.ends_with(name), "{}", self.join);
        format!("{}{own}", self.join)
    }

    fn machine(&mut self, at: At) -> &mut Machine {
        match at {
            At::Hub => &mut self.hub,
            At::Cluster => &mut self.cluster,
        }
    }
}
