//! Who wishes what.

use std::time::Duration;

use runvoy_app::{Actor, LockWish, NewExecution, OpContext, SpecValues};
use runvoy_core::command::Command;
use runvoy_core::container::{Architecture, Container, ContainerWish, Cpu, Memory};
use runvoy_core::role::Role;
use runvoy_testkit::sample;

/// A time that is shorter by `less`.
pub(crate) fn less(time: Duration, less: Duration) -> Duration {
    time.checked_sub(less).unwrap()
}

/// A wish for `echo hello`, with variables, under a lock if any.
pub(crate) fn wish(lock: Option<&str>) -> NewExecution {
    NewExecution {
        command: Command::script("echo hello").unwrap(),
        values: SpecValues {
            env: [("REGION".to_owned(), "eu".to_owned())].into(),
            secrets: [("PASSWORD".to_owned(), "hush".to_owned())].into(),
        },
        timeout: None,
        grace: None,
        log_limit: None,
        lock: lock.map(|name| LockWish {
            name: sample::lock_name(name),
            timeout: None,
            no_wait: false,
            glance: None,
        }),
        workdir: None,
        container: ContainerWish::default(),
        idempotency: None,
    }
}

/// The same wish, under a name for the request and the hash of its body.
pub(crate) fn keyed(wish: NewExecution, key: &str, body: char) -> NewExecution {
    let body = body.to_string().repeat(64);
    NewExecution {
        idempotency: Some((key.parse().unwrap(), body)),
        ..wish
    }
}

/// A developer who needs no key.
pub(crate) fn alice() -> OpContext {
    person("alice", Role::Developer)
}

pub(crate) fn person(name: &str, role: Role) -> OpContext {
    OpContext {
        actor: Actor {
            email: sample::email(name),
            role,
            key: None,
        },
        request_id: "request-1".parse().unwrap(),
    }
}

/// The container that is had where nothing is wished of it.
pub(crate) fn standard() -> Container {
    Container {
        image: "alpine:3.22".parse().unwrap(),
        architecture: Architecture::Arm64,
        cpu: Cpu::from_units(256),
        memory: Memory::from_mib(512),
        storage_gib: 20,
        is_spot: false,
        definition: "alpine".to_owned(),
        role: None,
    }
}
