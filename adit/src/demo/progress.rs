//! Tells on standard error what takes its time.

use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Instant, interval_at};

/// Only what takes longer than this is worth a line.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Says what is done; on a terminal counts the seconds once it takes longer
/// than one, and says at the end how long it took.
pub(super) async fn step<T>(text: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    say(&format!("{text} ..."), End::Open);
    let line = OpenLine;
    let mut tick = interval_at(began + WORTH_TELLING, WORTH_TELLING);
    tokio::pin!(work);
    let output = loop {
        tokio::select! {
            output = &mut work => break output,
            _ = tick.tick() => {
                if io::stderr().is_terminal() {
                    say(&format!("\r{text} ... {} s", began.elapsed().as_secs()), End::Open);
                }
            }
        }
    };
    line.close(text, began.elapsed());
    output
}

/// A line that is begun; it ends even if the work is given up.
struct OpenLine;

impl OpenLine {
    fn close(self, text: &str, took: Duration) {
        if io::stderr().is_terminal() {
            say(&format!("\r{text} ..."), End::Open);
        }
        if took >= WORTH_TELLING {
            say(&format!(" {:.1} s", took.as_secs_f64()), End::Open);
        }
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        say("", End::Line);
    }
}

enum End {
    Line,
    Open,
}

/// Nobody may be listening, which is no reason to stop.
fn say(text: &str, end: End) {
    let mut stderr = io::stderr().lock();
    let written = match end {
        End::Line => writeln!(stderr, "{text}"),
        End::Open => write!(stderr, "{text}"),
    };
    if written.and_then(|()| stderr.flush()).is_err() {
        tracing::debug!("standard error is closed");
    }
}
