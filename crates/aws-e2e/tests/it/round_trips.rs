//! How many times a request waits for AWS: each wait is time that a person waits.

use std::time::Duration;

use crate::faults::account::{Account, alone, within};

/// How long a run takes at most.
const SOON: Duration = Duration::from_secs(20);

/// What the request needs in two tries, one after the other. The use of a key is noted once a minute: beside the
/// launch of a command, after the reads of other requests.
fn round_trips(account: &Account, request: impl Fn()) -> [usize; 2] {
    request();
    let count = || {
        let mark = account.aws().calls().mark();
        request();
        account.aws().calls().round_trips(mark, "api")
    };
    let counts = [count(), count()];
    account.until_idle();
    counts
}

fn least(counts: [usize; 2]) -> usize {
    counts.into_iter().min().unwrap()
}

#[test]
fn a_command_is_launched_after_three_round_trips_at_most() {
    let account = alone();
    let plain = round_trips(&account, || {
        account.submit(&[], "true");
    });
    let is_within = |counts: [usize; 2]| counts.iter().all(|count| (1..=3).contains(count));
    assert!(is_within(plain), "{plain:?} without a lock");
    let locked = round_trips(&account, || {
        let lock = format!("lock-{}", account.trace().file_name().unwrap().display());
        account.submit(&["--lock", &lock], "true");
    });
    assert!(is_within(locked), "{locked:?} with a free lock");
}

#[test]
fn a_log_is_read_in_two_round_trips() {
    let account = alone();
    let id = account.submit(&[], "echo said");
    assert!(within(SOON, || account.has_stopped(&id)));
    account.until_idle();
    let log = round_trips(&account, || {
        let said = account.world.admin.must(&["logs", &id]);
        assert!(said.contains("said"), "{said}");
    });
    assert_eq!(least(log), 2);
}

/// A record is read by its key: what is more is the check of the caller's key.
#[test]
fn a_key_is_checked_in_one_round_trip() {
    let account = alone();
    let id = account.submit(&[], "true");
    assert!(within(SOON, || account.has_stopped(&id)));
    account.until_idle();
    let status = round_trips(&account, || {
        account.status(&id);
    });
    assert_eq!(least(status) - 1, 1);
}
