use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn execution(number: u8) -> ExecutionId {
    format!("{number:032x}").parse().unwrap()
}

fn taken(number: u8) -> LockEvent {
    LockEvent::Taken {
        execution: execution(number),
        user: "a@b.c".parse().unwrap(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn freed(number: u8, fence: u64) -> LockEvent {
    LockEvent::Freed {
        execution: execution(number),
        fence: Fence(fence),
    }
}

fn free() -> Lock {
    Lock::new("prod".parse().unwrap())
}

#[test]
fn a_held_lock_is_not_taken() {
    let held = free().transition(&taken(1)).unwrap();
    assert_eq!(held.transition(&taken(2)), None);
}

#[test]
fn a_late_release_frees_nobody_else() {
    let first = free().transition(&taken(1)).unwrap();
    let second = first
        .transition(&freed(1, 1))
        .unwrap()
        .transition(&taken(2))
        .unwrap();
    assert_eq!(second.transition(&freed(1, 1)), None);
    let again = second
        .transition(&freed(2, 2))
        .unwrap()
        .transition(&taken(1))
        .unwrap();
    assert_eq!(
        again.transition(&freed(1, 1)),
        None,
        "the same execution under an older token"
    );
}

#[test]
fn names_are_plain() {
    for good in ["prod", "team/prod-eu.1", "a:b_c"] {
        assert!(good.parse::<LockName>().is_ok(), "{good}");
    }
    for bad in ["", "-x", "a b", "é", "a\n", &"x".repeat(129)] {
        assert!(bad.parse::<LockName>().is_err(), "{bad:?}");
    }
}

proptest! {
    /// Any events, doubled and delayed: at most one holder, a fence that only grows, a new one with each holder.
    #[test]
    fn fences_only_grow(events in prop::collection::vec((any::<bool>(), 0_u8..4, 0_u64..6), 0..60)) {
        let mut lock = free();
        let mut holders = BTreeSet::new();
        for (take, who, fence) in events {
            let event = if take { taken(who) } else { freed(who, fence) };
            if let Some(next) = lock.transition(&event) {
                prop_assert!(next.fence() >= lock.fence());
                if let Some(holder) = next.holder() {
                    prop_assert!(lock.holder().is_none() && holder.fence > lock.fence());
                    prop_assert!(holders.insert(holder.fence), "a token was given twice");
                }
                prop_assert_eq!(next.transition(&event), None, "an event twice is an event once");
                lock = next;
            }
        }
    }

    /// The line served by repeatedly admitting its first: first in, first out, nobody twice, nobody forgotten.
    #[test]
    fn the_line_is_first_in_first_out(order in Just((0_u8..20).collect::<Vec<_>>()).prop_shuffle()) {
        let mut line: BTreeSet<ExecutionId> = order.into_iter().map(execution).collect();
        let mut lock = free();
        let mut served = Vec::new();
        while let Some(first) = line.pop_first() {
            let number = u8::from_str_radix(first.as_str(), 16).unwrap();
            lock = lock.transition(&taken(number)).unwrap();
            served.push(number);
            lock = lock.transition(&freed(number, lock.fence().number())).unwrap();
        }
        prop_assert_eq!(served, (0_u8..20).collect::<Vec<_>>());
    }
}
