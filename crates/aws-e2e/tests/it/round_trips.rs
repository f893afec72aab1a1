//! How many times a request waits for AWS: each wait is time that a person waits.

use std::time::Duration;

use runvoy_aws_local::FaultPlan;
use serde_json::json;

use crate::faults::account::{API, Account, alone, within};

/// How long a run takes at most.
const SOON: Duration = Duration::from_mins(2);
/// Each call takes so long, in milliseconds: calls that are made at once overlap, on a busy machine too.
const SLOW: u64 = 250;

/// The function starts anew, and is warm: the next request is the first that comes with a key.
fn start_anew(account: &Account) {
    account.aws().lambdas().crash(API);
    let (status, answer) = account.world.send("GET /api/v1/health", &[], &json!({}));
    assert_eq!(status, 200, "{answer}");
}

/// What the request needs in two tries, one after the other.
fn round_trips(account: &Account, request: impl Fn()) -> [usize; 2] {
    let slow = format!("api/*/*:*:delay={SLOW}");
    account.spoil(slow.parse().unwrap());
    let count = || {
        account.until_idle();
        let mark = account.aws().calls().mark();
        request();
        account.aws().calls().round_trips(mark, "api")
    };
    let counts = [count(), count()];
    account.until_idle();
    account.spoil(FaultPlan::none());
    counts
}

/// The use of a key is noted once a minute, here by the first of the two tries: beside the launch.
#[test]
fn a_command_is_launched_after_three_round_trips_at_most() {
    let account = alone();
    account.submit(&[], "true");
    start_anew(&account);
    let is_within = |counts: [usize; 2]| counts.iter().all(|count| (1..=3).contains(count));
    let plain = round_trips(&account, || {
        account.submit(&[], "true");
    });
    assert!(is_within(plain), "{plain:?} without a lock");
    start_anew(&account);
    let locked = round_trips(&account, || {
        let lock = format!("lock-{}", account.trace().file_name().unwrap().display());
        account.submit(&["--lock", &lock], "true");
    });
    assert!(is_within(locked), "{locked:?} with a free lock");
}

/// A run that is over. The use of the key is noted for this minute: after a read that would be one wait more.
fn over(account: &Account, command: &str) -> String {
    start_anew(account);
    let id = account.submit(&[], command);
    assert!(within(SOON, || account.has_stopped(&id)));
    account.until_idle();
    id
}

#[test]
fn a_log_is_read_in_two_round_trips() {
    let account = alone();
    let id = over(&account, "echo said");
    let log = round_trips(&account, || {
        let said = account.world.admin.must(&["logs", &id]);
        assert!(said.contains("said"), "{said}");
    });
    assert_eq!(log, [2, 2]);
}

/// A record is read by its key: what is more is the check of the caller's key.
#[test]
fn a_key_is_checked_in_one_round_trip() {
    let account = alone();
    let id = over(&account, "true");
    let status = round_trips(&account, || {
        account.status(&id);
    });
    assert_eq!(status.map(|count| count - 1), [1, 1]);
}
