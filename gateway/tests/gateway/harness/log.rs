//! Collects the events of the access log.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{Shared, within};

/// A line of the log, by field.
pub(crate) type Line = BTreeMap<String, String>;

/// Collects while it lives, on this thread.
pub(crate) struct AccessLog {
    lines: Shared<Vec<Line>>,
    _guard: DefaultGuard,
}

struct Collector(Shared<Vec<Line>>);

struct Fields(Line);

impl AccessLog {
    pub(crate) fn collect() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Collector(Arc::clone(&lines)));
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Waits for the one line there should be.
    pub(crate) async fn line(&self) -> Line {
        let mut lines = within(async {
            while self
                .lines
                .lock()
                .expect("no panic while it was held")
                .is_empty()
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::mem::take(&mut *self.lines.lock().expect("no panic while it was held"))
        })
        .await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }
}

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "access" {
            let mut fields = Fields(Line::new());
            event.record(&mut fields);
            self.0
                .lock()
                .expect("no panic while it was held")
                .push(fields.0);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
