//! What every carrier promises, whichever end opens the stream.
//!
//! A carrier runs the suite by a function that makes a connected pair of
//! sessions, and one line of [`contract!`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract {
    mod moves;
    pub(crate) mod pair;
    mod roaming;
    pub(crate) mod sessions;
    pub(crate) mod simulation;
    pub(crate) mod streams;
}

/// The cases of `contract/streams.rs` for both openers, and those of
/// `contract/sessions.rs`, over the pairs that `$connect` makes. What `$fail`
/// connects comes to nothing, and it tells what the ends say of it.
macro_rules! contract {
    ($carrier:ident, $connect:path, $fail:path) => {
        mod $carrier {
            contract!(@streams hub_opens, $connect, hub, agent);
            contract!(@streams agent_opens, $connect, agent, hub);
            contract!(@cases sessions, $connect,
                a_drained_session_ends_after_its_last_stream,
                a_drained_session_ends_its_streams_at_the_deadline,
                a_dropped_driver_fails_the_streams_of_both_ends,
                a_peer_that_closes_its_connection_fails_streams_at_once,
                a_silent_link_is_given_up_within_ten_seconds,
                a_thousand_dials_cancelled_at_once_leave_nothing_behind,
                an_idle_session_outlives_hours_of_silence,
                an_opener_out_of_ready_streams_waits_its_turn,
                closing_a_session_tells_its_reason,
                features_of_a_newer_peer_are_ignored,
                sessions_that_share_a_budget_keep_it_together,
                streams_over_the_limit_are_refused_and_the_others_live,
                the_longest_stalled_stream_is_reset_at_the_budget,
            );
            contract!(@cases sessions, $fail,
                a_required_feature_that_is_missing_is_named,
            );
        }
    };
    (@streams $opener:ident, $connect:path, $from:ident, $to:ident) => {
        mod $opener {
            contract!(@stream_cases $connect, $from, $to,
                a_dropped_opening_is_cancelled_at_the_far_end,
                a_dropped_read_half_cancels_the_peers_writes,
                a_dropped_stream_is_an_error_at_the_far_end,
                a_dropped_write_half_is_an_error_not_an_end,
                a_finished_half_is_all_there_is_even_if_the_rest_is_dropped,
                a_refusal_is_told_with_its_reason,
                a_reset_is_seen_with_its_reason_in_both_directions,
                a_stalled_reader_stops_its_writer_and_no_one_else,
                a_stream_nobody_takes_an_interest_in_is_reset,
                a_window_grows_for_a_reader_that_keeps_up_and_for_no_other,
                an_early_writer_learns_of_a_refusal,
                data_flows_in_both_directions_at_once,
                data_sent_before_the_answer_arrives,
                each_half_closes_on_its_own,
                megabytes_arrive_whole_and_in_order,
                writing_after_a_finish_fails,
            );
        }
    };
    (@stream_cases $connect:path, $from:ident, $to:ident, $($case:ident),* $(,)?) => {
        $(#[tokio::test(start_paused = true)]
        async fn $case() {
            let pair = $connect(crate::contract::pair::Settings::default()).await;
            crate::contract::streams::$case(&mut Some(pair.$from), &mut Some(pair.$to)).await;
        })*
    };
    (@cases $module:ident, $connect:path, $($case:ident),* $(,)?) => {
        $(#[tokio::test(start_paused = true)]
        async fn $case() {
            crate::contract::$module::$case(async |settings| $connect(settings).await).await;
        })*
    };
}

contract!(
    h2,
    crate::contract::pair::h2,
    crate::contract::pair::h2_failure
);
contract!(
    quic,
    crate::contract::pair::quic,
    crate::contract::pair::quic_failure
);

mod simulation {
    use crate::contract::simulation::{Carrier, every_seed};

    #[test]
    fn no_seed_finds_a_hang_a_leak_or_crosstalk_over_h2() {
        every_seed(Carrier::H2);
    }

    #[test]
    fn no_seed_finds_a_hang_a_leak_or_crosstalk_between_links() {
        every_seed(Carrier::H2Twice);
    }

    #[test]
    fn no_seed_finds_a_hang_a_leak_or_crosstalk_over_quic() {
        every_seed(Carrier::Quic);
    }
}
