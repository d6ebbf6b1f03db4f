use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::time::Instant;

use crate::access::Decision;
use crate::{Permission, User};

/// Answers that were given a moment ago.
///
/// The last [`HALF`] to twice as many are kept. At the bound the older half is forgotten,
/// so that who asks for much costs others a question more and nothing else.
#[derive(Debug)]
pub(super) struct Answers {
    kept: Duration,
    state: Mutex<State>,
}

/// What was asked, in 32 bytes however many groups the user has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Question([u8; 32]);

/// Counts how often everything was forgotten: an answer to a question that was
/// asked before counts no more.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Generation(u64);

#[derive(Debug, Default)]
struct State {
    generation: Generation,
    recent: HashMap<Question, Answer>,
    older: HashMap<Question, Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    decision: Decision,
    until: Instant,
}

/// Half of the answers that are kept at most, some 100 bytes each.
const HALF: usize = 8192;

impl Answers {
    pub(super) fn new(kept: Duration) -> Self {
        Self {
            kept,
            state: Mutex::default(),
        }
    }

    /// The answer, if it is known; otherwise what to keep it with.
    pub(super) fn find(&self, question: &Question, now: Instant) -> Result<Decision, Generation> {
        let state = self.state();
        let answer = state
            .recent
            .get(question)
            .or_else(|| state.older.get(question));
        match answer {
            Some(answer) if answer.until > now => Ok(answer.decision),
            Some(_) | None => Err(state.generation),
        }
    }

    /// Keeps an answer, unless something has changed since it was asked for.
    pub(super) fn keep(
        &self,
        question: Question,
        decision: Decision,
        asked_in: Generation,
        now: Instant,
    ) {
        let mut state = self.state();
        if state.generation != asked_in {
            return;
        }
        if state.recent.len() >= HALF {
            state.older = std::mem::take(&mut state.recent);
        }
        let until = now + self.kept;
        state.recent.insert(question, Answer { decision, until });
    }

    /// Forgets all.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        let generation = Generation(state.generation.0 + 1);
        *state = State {
            generation,
            ..State::default()
        };
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// Whether that user has that permission by that name.
    pub(super) fn new(user: &User, permission: &Permission, name: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        let subresource = permission.subresource.as_str();
        let texts = [permission.verb, subresource, name, &user.name];
        for text in texts
            .into_iter()
            .chain(user.groups.iter().map(String::as_str))
        {
            // With its length in front no text can be taken for two.
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        let mut question = [0; 32];
        question.copy_from_slice(context.finish().as_ref());
        Self(question)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const KEPT: Duration = Duration::from_secs(10);

    fn question(user: &str, groups: &[&str], cluster: &str) -> Question {
        let groups = groups.iter().map(|&group| group.to_owned());
        let user = User::new(user, groups).unwrap();
        let permission = Permission::proxy(&cluster.parse().unwrap(), &Method::GET);
        Question::new(&user, &permission, cluster)
    }

    fn generation(answers: &Answers, question: &Question) -> Generation {
        answers.find(question, Instant::now()).unwrap_err()
    }

    #[test]
    fn an_answer_is_for_its_question_alone_and_for_its_time() {
        let answers = Answers::new(KEPT);
        let asked = question("alice", &["dev", "ops"], "edge-7");
        let now = Instant::now();
        answers.keep(asked, Decision::Allow, generation(&answers, &asked), now);
        assert_eq!(answers.find(&asked, now), Ok(Decision::Allow));
        assert!(answers.find(&asked, now + KEPT).is_err());
        for other in [
            question("alice", &["devops"], "edge-7"),
            question("alice", &["dev"], "edge-7"),
            question("alice", &["dev", "ops"], "edge-8"),
            question("bob", &["dev", "ops"], "edge-7"),
        ] {
            assert!(answers.find(&other, now).is_err());
        }
    }

    #[test]
    fn an_answer_from_before_a_change_is_not_kept() {
        let answers = Answers::new(KEPT);
        let asked = question("alice", &[], "edge-7");
        let before = generation(&answers, &asked);
        answers.forget();
        answers.keep(asked, Decision::Allow, before, Instant::now());
        assert!(answers.find(&asked, Instant::now()).is_err());
    }

    #[test]
    fn no_more_than_twice_the_half_are_kept_and_the_last_always() {
        let answers = Answers::new(KEPT);
        let now = Instant::now();
        for number in 0..5 * HALF {
            let asked = question("alice", &[], &format!("edge-{number}"));
            answers.keep(asked, Decision::Deny, Generation(0), now);
            assert_eq!(answers.find(&asked, now), Ok(Decision::Deny));
        }
        let state = answers.state();
        assert!(state.recent.len() + state.older.len() <= 2 * HALF);
    }
}
