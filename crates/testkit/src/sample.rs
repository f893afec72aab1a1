//! Sample values of the core's types. Equal arguments give equal values; only operation ids are always new.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::audit::{AuditAction, AuditEntry, Principal};
use runvoy_core::claim::Claim;
use runvoy_core::command::Command;
use runvoy_core::execution::{
    Admission, DEFAULT_GRACE, DEFAULT_LOG_LIMIT, DEFAULT_TIMEOUT, Event, Execution, LockRequest,
    StopCause, Submission,
};
use runvoy_core::id::{BootNonce, ExecutionId, OperationId, Place, SessionId};
use runvoy_core::idempotency::Idempotency;
use runvoy_core::key::{ApiKey, ApiKeyHash, ClaimToken, KeyRecord, RANDOM_BYTES};
use runvoy_core::lock::{Lock, LockEvent, LockName, Waiter};
use runvoy_core::log::{Entry, Seq, Stream};
use runvoy_core::money::{Cost, Money};
use runvoy_core::outcome::{EndedBy, ProcessEnd, Report};
use runvoy_core::role::Role;
use runvoy_core::user::{User, UserEmail};
use runvoy_ports::{Batch, Write};

/// The moment at which samples are made, and `seconds` later.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).unwrap()
}

/// The address of `name`.
pub fn email(name: &str) -> UserEmail {
    format!("{name}@example.com").parse().unwrap()
}

/// The lock called `name`.
pub fn lock_name(name: &str) -> LockName {
    name.parse().unwrap()
}

/// The execution id numbered `number`; they sort by their numbers.
pub fn execution_id(number: u64) -> ExecutionId {
    format!("{number:032x}").parse().unwrap()
}

/// An operation id that was never given before in this process; they sort by when they were made.
pub fn operation_id() -> OperationId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{number:032x}").parse().unwrap()
}

/// The session numbered `number`.
pub fn session(number: u8) -> SessionId {
    hash(number).to_string().parse().unwrap()
}

/// The agent's boot numbered `number`.
pub fn nonce(number: u8) -> BootNonce {
    format!("{number:032x}").parse().unwrap()
}

/// The key numbered `number`.
pub fn api_key(number: u8) -> ApiKey {
    ApiKey::from_random([number; RANDOM_BYTES])
}

/// The hash of the key numbered `number`.
pub fn hash(number: u8) -> ApiKeyHash {
    api_key(number).hash()
}

/// What `user` submits, at the samples' moment, under `lock` if any.
pub fn submission(user: &str, lock: Option<&str>) -> Submission {
    Submission {
        command: Command::script("echo hello world").unwrap(),
        created_by: email(user),
        key: Some(hash(1)),
        created_at: at(0),
        request_id: "request-1".parse().unwrap(),
        env_names: Vec::new(),
        secret_names: Vec::new(),
        timeout: DEFAULT_TIMEOUT,
        grace: DEFAULT_GRACE,
        log_limit: DEFAULT_LOG_LIMIT,
        lock: lock.map(|name| LockRequest {
            name: lock_name(name),
            deadline: at(3600),
        }),
        workdir: None,
        owner: None,
        container: None,
    }
}

/// An execution of alice's that is starting.
pub fn execution(number: u64) -> Execution {
    execution_of(number, "alice", None)
}

/// An execution of `user`'s: in line for `lock`, or starting where there is none.
pub fn execution_of(number: u64, user: &str, lock: Option<&str>) -> Execution {
    let admission = match lock {
        Some(_) => Admission::Queued,
        None => Admission::Unlocked,
    };
    Execution::new(
        execution_id(number),
        submission(user, lock),
        admission,
        None,
    )
}

/// What happens to an execution that starts at `at(1)` in its first attempt.
pub fn start_events() -> [Event; 2] {
    [
        Event::LaunchIntended {
            at: at(1),
            lease_until: at(30),
        },
        Event::Started {
            at: at(1),
            attempt: 1,
            nonce: nonce(1),
            session: session(1),
            place: Place::try_from("process 4711".to_owned()).unwrap(),
        },
    ]
}

/// The execution after `events`, each of which must change it.
pub fn after(execution: &Execution, events: &[Event]) -> Execution {
    events.iter().fold(execution.clone(), |execution, event| {
        execution.transition(event).unwrap()
    })
}

/// A starting execution, now running under the session numbered 1.
pub fn running(execution: &Execution) -> Execution {
    after(execution, &start_events())
}

/// A starting execution, ended with `code` at `at(2)`.
pub fn exited(execution: &Execution, code: i32) -> Execution {
    let finished = Event::Finished {
        at: at(2),
        session: session(1),
        report: Report {
            ended_by: EndedBy::Itself,
            end: ProcessEnd::Exited(code),
        },
        words: None,
    };
    after(&running(execution), &[finished])
}

/// An execution that has not started, cancelled at `at(2)`.
pub fn cancelled(execution: &Execution) -> Execution {
    let stop = Event::StopAsked {
        at: at(2),
        cause: StopCause::Cancelled,
    };
    after(execution, &[stop])
}

/// An execution that has ended, closed at `at(60)` at no cost.
pub fn closed(execution: &Execution) -> Execution {
    let closed = Event::Closed {
        at: at(60),
        cost: Cost::of(Money::ZERO),
    };
    after(execution, &[closed])
}

/// The lock called `name`, free.
pub fn lock(name: &str) -> Lock {
    Lock::new(lock_name(name))
}

/// The lock, taken by alice's execution numbered `holder`.
pub fn taken(lock: &Lock, holder: u64) -> Lock {
    lock.transition(&LockEvent::Taken {
        execution: execution_id(holder),
        user: email("alice"),
        at: at(0),
    })
    .unwrap()
}

/// A place in the line of the lock called `name`.
pub fn waiter(name: &str, execution: u64) -> Waiter {
    Waiter {
        lock: lock_name(name),
        execution: execution_id(execution),
        since: at(0),
    }
}

/// A developer called `name`, without keys.
pub fn user(name: &str) -> User {
    User {
        email: email(name),
        role: Role::Developer,
        created_at: at(0),
        created_by: Some(email("root")),
        revoked_at: None,
        keys: Vec::new(),
    }
}

/// The key numbered `number`, of a developer called `owner`.
pub fn key(number: u8, owner: &str) -> KeyRecord {
    KeyRecord {
        hash: hash(number),
        email: email(owner),
        role: Role::Developer,
        created_at: at(0),
        expires_at: None,
        revoked_at: None,
    }
}

/// The claim token numbered `number`.
pub fn claim_token(number: u8) -> ClaimToken {
    ClaimToken::from_random([number; RANDOM_BYTES])
}

/// The claim for the token numbered `number`, good for a quarter of an hour.
pub fn claim(number: u8, invited: &str) -> Claim {
    Claim {
        token: claim_token(number).hash(),
        email: email(invited),
        role: Role::Developer,
        created_at: at(0),
        expires_at: at(900),
        used: None,
    }
}

/// That alice's request called `key` made an execution; forgotten at `expires_at`.
pub fn idempotency(key: &str, execution: u64, expires_at: Timestamp) -> Idempotency {
    Idempotency {
        user: email("alice"),
        key: key.parse().unwrap(),
        body_sha256: "0".repeat(64),
        execution: execution_id(execution),
        expires_at,
    }
}

/// `count` lines of output, the first numbered `first`.
pub fn entries(first: u64, count: u64) -> Vec<Entry> {
    (first..first + count)
        .map(|number| entry(number, &format!("line {number}")))
        .collect()
}

/// The line `text` of standard output, numbered `number`.
pub fn entry(number: u64, text: &str) -> Entry {
    Entry {
        seq: Seq::new(number),
        at: at(0).checked_add(Duration::from_micros(number)).unwrap(),
        stream: Stream::Stdout,
        text: text.to_owned(),
        has_end: true,
    }
}

/// A line of the audit trail, by runvoy itself, about nothing in particular.
pub fn audit() -> AuditEntry {
    AuditEntry {
        id: operation_id(),
        at: at(0),
        principal: Principal::System,
        action: AuditAction::ExecutionCreated,
        request: None,
        execution: None,
        user: None,
        details: String::new(),
    }
}

/// A batch of its own id.
pub fn batch(writes: Vec<Write>) -> Batch {
    Batch::new(audit(), writes).unwrap()
}
