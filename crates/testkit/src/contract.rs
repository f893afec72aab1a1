//! The contract of a store: one function a promise, for every store the same.

use std::sync::Arc;

use runvoy_ports::{Store, StoreError, Write};

use crate::sample;

pub mod audit;
pub mod executions;
pub mod ledger;
pub mod locks;
pub mod logs;
pub mod sink;
pub mod users;

/// A store that is held to the contract. New and empty for each promise.
pub type Subject = Arc<dyn Store>;

/// Writes one test for each promise, in a module called `$name`. `$make` is awaited for `(store, guard)`, where the
/// guard lives as long as the test.
#[macro_export]
macro_rules! store_contract {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what `$make` names")]
            use super::*;

            $crate::promises! { $make;
                ledger: [
                    insert_is_exclusive,
                    replace_needs_the_version_that_was_read,
                    replace_needs_a_row,
                    a_batch_is_written_whole_or_not_at_all,
                    every_kind_of_row_is_written_in_one_batch,
                    a_batch_that_was_committed_is_not_done_again,
                    a_batch_that_conflicted_can_be_tried_again,
                    of_many_writers_of_one_version_one_wins,
                    of_many_repeats_of_one_batch_one_is_done,
                    an_acknowledged_commit_is_seen_by_every_read_after_it,
                ],
                executions: [
                    an_execution_reads_back_as_written,
                    what_is_not_there_is_none,
                    lists_are_newest_first,
                    pages_go_on_where_the_last_one_ended,
                    lists_keep_to_their_scope,
                    lists_keep_to_their_statuses,
                    filtered_lists_are_one_list,
                    filtered_lists_have_pages_too,
                    counts_keep_to_their_scope_and_statuses,
                    status_follows_the_record,
                    open_ones_are_listed_until_closed,
                    an_idempotency_key_is_remembered,
                    an_idempotency_key_is_each_persons_own,
                    a_live_idempotency_key_is_not_taken_again,
                    an_expired_idempotency_key_is_taken_again,
                ],
                locks: [
                    a_lock_reads_back_as_written,
                    locks_are_listed_by_name,
                    a_line_is_in_order_of_execution,
                    a_line_is_its_locks_own,
                    nobody_stands_in_a_line_twice,
                    leaving_a_line_needs_the_version_that_was_read,
                    a_lock_is_taken_once,
                ],
                users: [
                    people_read_back_as_written,
                    people_are_listed_by_address,
                    keys_are_found_by_hash,
                    a_claim_is_used_once,
                    the_newest_use_of_a_key_stays,
                    a_key_that_was_never_used_has_no_use,
                ],
                sink: [
                    a_head_is_inserted_once,
                    a_session_is_bound_once,
                    a_closed_head_binds_nobody,
                    a_head_is_closed_once_at_its_next_number,
                    an_append_moves_the_head_on,
                    a_gap_is_not_written,
                    a_repeat_is_not_written,
                    an_overlap_is_not_written,
                    another_session_is_refused,
                    an_unbound_log_refuses,
                    a_closed_log_refuses,
                    an_unknown_log_refuses,
                    no_entries_renew_the_last_sight,
                    a_beat_of_another_session_is_refused,
                    the_last_sight_never_goes_back,
                    of_many_appends_of_one_number_one_is_written,
                    an_append_leaves_the_execution_alone,
                ],
                logs: [
                    entries_read_back_as_written,
                    reads_begin_inside_chunks,
                    reads_end_near_their_bytes,
                    reads_give_one_entry_at_least,
                    reads_page_through_without_gap_or_repeat,
                    reads_past_the_end_are_empty,
                    logs_do_not_mix,
                    any_text_survives,
                ],
                audit: [
                    every_commit_is_on_the_trail,
                    a_commit_that_failed_is_not_on_the_trail,
                    the_trail_is_newest_first_in_pages,
                    the_trail_of_a_person_is_what_they_did_and_what_was_done_to_them,
                    the_trail_of_an_execution_is_its_own,
                    the_trail_since_a_time_begins_there,
                    filters_hold_together,
                ],
            }
        }
    };
}

/// Writes the tests of [`store_contract!`].
#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ($make:expr; $($port:ident: [$($promise:ident,)*],)*) => {
        $(mod $port {
            #[allow(unused_imports, reason = "what `$make` names")]
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let (store, _guard) = $make.await;
                    let subject: $crate::contract::Subject = std::sync::Arc::new(store);
                    $crate::contract::$port::$promise(&subject).await;
                }
            )*
        })*
    };
}

/// Commits `writes`, which must go well.
async fn write(store: &Subject, writes: Vec<Write>) {
    store.commit(&sample::batch(writes)).await.unwrap();
}

/// Commits `writes`, of which a condition must fail.
async fn refused(store: &Subject, writes: Vec<Write>) {
    let result = store.commit(&sample::batch(writes)).await;
    assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
}

#[cfg(test)]
mod tests {
    /// A promise that nobody asks for would be kept by nobody.
    #[test]
    fn every_promise_is_asked_for() {
        let list = include_str!("contract.rs");
        let ports = [
            include_str!("contract/audit.rs"),
            include_str!("contract/executions.rs"),
            include_str!("contract/ledger.rs"),
            include_str!("contract/locks.rs"),
            include_str!("contract/logs.rs"),
            include_str!("contract/sink.rs"),
            include_str!("contract/users.rs"),
        ];
        let promises: Vec<&str> = ports
            .iter()
            .flat_map(|port| port.split("pub async fn ").skip(1))
            .filter_map(|rest| rest.split('(').next())
            .collect();
        assert!(promises.len() > 50, "{promises:?}");
        for promise in promises {
            assert!(list.contains(&format!(" {promise},\n")), "{promise}");
        }
    }
}
