//! What every store promises, whatever is behind the trait.
//!
//! A backend runs the suite by a function that makes an empty store, and one
//! line of [`contract!`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract {
    pub(crate) mod compaction;
    pub(crate) mod fixture;
    pub(crate) mod leases;
    pub(crate) mod model;
    pub(crate) mod reading;
    pub(crate) mod txns;
    pub(crate) mod watches;
}

/// The cases of `contract/` over the stores that `$make` makes.
macro_rules! contract {
    ($backend:ident, $make:path) => {
        mod $backend {
            contract!(@cases txns, $make,
                a_change_under_a_condition_that_fails_reads_the_key_instead,
                a_deleted_key_is_made_anew,
                a_key_is_made_only_once_however_many_try,
                a_key_or_value_of_a_wrong_size_is_refused,
                deleting_what_is_not_there_changes_nothing,
                every_change_is_the_next_revision,
                many_writers_of_one_key_lose_no_update,
            );
            contract!(@cases reading, $make,
                a_page_tells_what_is_behind_it,
                a_prefix_is_bytes_and_no_path,
                pages_at_one_revision_are_one_picture,
                the_future_cannot_be_read,
                the_past_can_be_read,
            );
            contract!(@cases watches, $make,
                a_watch_begins_where_it_is_told,
                a_watch_from_the_past_has_no_gap_to_the_present,
                a_watch_gives_what_was_there_before,
                a_watch_is_told_how_far_it_is,
                a_watch_of_the_future_waits_for_it,
                a_watch_sees_its_prefix_alone,
                two_watches_see_the_same_order,
                watches_without_a_reader_hold_nobody_up,
            );
            contract!(@cases compaction, $make,
                compacting_the_future_is_refused,
                compacting_twice_is_no_error,
                what_is_compacted_is_gone_and_the_rest_is_not,
                what_was_deleted_is_gone_after_compaction,
            );
            contract!(@cases leases, $make,
                a_key_leaves_its_lease_when_it_is_written_without,
                a_lease_that_is_kept_alive_stays,
                a_lease_that_is_not_there_binds_nothing,
                keys_go_with_their_lease,
                revoking_deletes_all_keys_in_one_revision,
            );
            contract!(@cases model, $make,
                any_changes_leave_what_the_model_has,
            );
        }
    };
    (@cases $module:ident, $make:path, $($case:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::contract::$module::$case($make().await).await;
        })*
    };
}

contract!(embedded, crate::contract::fixture::embedded);
contract!(embedded_on_disk, crate::contract::fixture::embedded_on_disk);
