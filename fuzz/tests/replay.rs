//! Every input that is checked in, whole and cut off anywhere, through the
//! function of its target.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Places at which one input is cut off, at most.
const MAX_CUTS: usize = 128;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names in a folder, without endings.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

fn replay(target: &str, holds: fn(&[u8])) {
    let mut inputs = 0;
    for entry in fs::read_dir(folder("seeds").join(target)).unwrap() {
        let path = entry.unwrap().path();
        // Seen when the test fails, by a panic that does not say which input it was.
        eprintln!("{}", path.display());
        let input = fs::read(&path).unwrap();
        holds(&input);
        for len in (0..input.len()).step_by(input.len() / MAX_CUTS + 1) {
            eprintln!("cut off at {len}");
            holds(&input[..len]);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "{target} has no inputs");
}

macro_rules! replays {
    ($($target:ident: $sentence:ident,)*) => {
        $(
            #[test]
            fn $sentence() {
                replay(stringify!($target), fuzz::$target);
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($target)),*];
            assert_eq!(names(&folder("fuzz_targets")), replayed);
            assert_eq!(names(&folder("seeds")), replayed);
        }
    };
}

replays! {
    agent_quic: an_agent_gets_rid_of_a_hub_that_does_anything_over_quic,
    agent_session: an_agent_gets_rid_of_a_hub_that_sends_anything,
    agent_streams: an_agent_gets_rid_of_a_hub_that_does_anything_on_streams,
    cel: any_expression_has_one_value_at_most,
    certificate_request: any_request_makes_one_certificate_at_most,
    continue_token: a_token_leads_nowhere_else,
    dial_target: what_is_dialled_is_what_was_judged,
    document: a_body_is_read_as_it_is_written_or_refused,
    fields_v1: whoever_owns_fields_is_read_back_as_written,
    gateway_path: what_a_caller_asks_for_is_forwarded_as_it_was_judged,
    hub_quic: a_hub_gets_rid_of_an_agent_that_does_anything_over_quic,
    hub_session: a_hub_gets_rid_of_an_agent_that_sends_anything,
    hub_streams: a_hub_gets_rid_of_an_agent_that_does_anything_on_streams,
    identity: nothing_but_the_exact_subject_is_an_agents,
    json_path: a_path_finds_no_more_than_there_is,
    media: any_accept_is_answered_or_refused,
    messages: every_message_is_decoded_the_same_however_it_is_cut,
    patches: a_patch_of_any_sort_ends_and_what_was_applied_can_be_again,
    protobuf_body: an_object_in_protobuf_is_one_in_json,
    selectors: a_selector_answers_for_every_object,
    service_account_token: nobody_signs_a_token_but_its_issuer,
    store_record: a_damaged_record_is_no_record,
}
