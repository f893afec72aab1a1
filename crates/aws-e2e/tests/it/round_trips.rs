//! How many times a request waits for AWS: each wait is time that a person waits.

use std::time::Duration;

use crate::faults::account::{Account, alone, within};

/// How long a run takes at most.
const SOON: Duration = Duration::from_secs(20);

/// The least that the request needs in two tries, one after the other: the use of a key is noted once a minute, and
/// one of the two does not.
fn round_trips(account: &Account, request: impl Fn()) -> usize {
    request();
    let count = || {
        let mark = account.aws().calls().mark();
        request();
        account.aws().calls().round_trips(mark, "api")
    };
    let counts = [count(), count()];
    account.until_idle();
    counts.into_iter().min().unwrap()
}

#[test]
fn a_command_is_launched_after_three_round_trips_at_most() {
    let account = alone();
    let plain = round_trips(&account, || {
        account.submit(&[], "true");
    });
    assert!((1..=3).contains(&plain), "{plain} without a lock");
    let locked = round_trips(&account, || {
        let lock = format!("lock-{}", account.trace().file_name().unwrap().display());
        account.submit(&["--lock", &lock], "true");
    });
    assert!((1..=3).contains(&locked), "{locked} with a free lock");
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
    assert_eq!(log, 2);
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
    assert_eq!(status - 1, 1);
}
