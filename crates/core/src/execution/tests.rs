use proptest::prelude::*;

use super::*;
use crate::money::Cost;
use crate::outcome::{EndedBy, ProcessEnd, Reason, Report};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn submission() -> Submission {
    Submission {
        command: Command::script("true").unwrap(),
        created_by: "a@b.c".parse().unwrap(),
        key: None,
        created_at: at(0),
        request_id: "r1".parse().unwrap(),
        env_names: vec![],
        secret_names: vec![],
        timeout: Duration::from_mins(10),
        grace: Duration::from_secs(30),
        log_limit: DEFAULT_LOG_LIMIT,
        lock: None,
        workdir: None,
        owner: None,
        container: None,
    }
}

fn execution(admission: Admission) -> Execution {
    let id = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c".parse().unwrap();
    Execution::new(
        id,
        submission(),
        admission,
        Some(Sealed::new("c2VhbGVk".to_owned())),
    )
}

fn intended(seconds: i64) -> Event {
    Event::LaunchIntended {
        at: at(seconds),
        lease_until: at(seconds + 20),
    }
}

fn started(seconds: i64, attempt: u32, session: char) -> Event {
    Event::Started {
        at: at(seconds),
        attempt,
        nonce: session.to_string().repeat(32).parse().unwrap(),
        session: session.to_string().repeat(44).parse().unwrap(),
        place: "pid 1".parse().unwrap(),
    }
}

fn finished(seconds: i64, session: char, ended_by: EndedBy, end: ProcessEnd) -> Event {
    let session = session.to_string().repeat(44).parse().unwrap();
    Event::Finished {
        at: at(seconds),
        session,
        report: Report { ended_by, end },
        words: None,
    }
}

fn refused(seconds: i64, attempt: u32) -> Event {
    Event::LaunchRefused {
        at: at(seconds),
        attempt,
        words: "no room".to_owned(),
        is_final: false,
    }
}

fn refused_for_good(seconds: i64, attempt: u32) -> Event {
    Event::LaunchRefused {
        at: at(seconds),
        attempt,
        words: "no such image".to_owned(),
        is_final: true,
    }
}

fn gone(seconds: i64, attempt: u32, evidence: Evidence) -> Event {
    Event::Gone {
        at: at(seconds),
        attempt,
        evidence,
    }
}

fn stop(cause: StopCause) -> Event {
    Event::StopAsked { at: at(5), cause }
}

/// The execution after all of `events`, of which each must have changed something.
fn after(events: &[Event]) -> Execution {
    events
        .iter()
        .fold(execution(Admission::Unlocked), |execution, event| {
            execution
                .transition(event)
                .unwrap_or_else(|| panic!("{event:?} changed nothing in {:?}", execution.state()))
        })
}

fn reason(execution: &Execution) -> Reason {
    execution.ended().unwrap().0.reason()
}

#[test]
fn the_happy_path() {
    let over = after(&[
        intended(1),
        Event::LaunchAccepted { attempt: 1 },
        started(2, 1, 'a'),
        finished(3, 'a', EndedBy::Itself, ProcessEnd::Exited(0)),
    ]);
    assert_eq!((over.status(), over.sealed()), (Status::Succeeded, None));
    let closed = over
        .transition(&Event::Closed {
            at: at(4),
            cost: Cost::of(Money::ZERO),
        })
        .unwrap();
    assert!(closed.is_closed());
}

#[test]
fn the_agent_may_start_before_its_launcher_has_answered() {
    let running = after(&[intended(1), started(2, 1, 'a')]);
    assert_eq!(
        running.transition(&Event::LaunchAccepted { attempt: 1 }),
        None
    );
    assert_eq!(
        running.transition(&started(2, 1, 'b')),
        None,
        "a second agent of the same attempt"
    );
}

#[test]
fn a_stop_before_the_start_is_the_end() {
    let stopped = after(&[intended(1), stop(StopCause::Cancelled)]);
    assert_eq!(stopped.status(), Status::Stopped);
    assert_eq!(stopped.transition(&started(2, 1, 'a')), None);
    assert_eq!(
        stopped.transition(&Event::Closed {
            at: at(2),
            cost: Cost::of(Money::ZERO)
        }),
        None,
        "a launch may be in flight"
    );
    assert!(
        stopped
            .transition(&Event::Closed {
                at: at(21),
                cost: Cost::of(Money::ZERO)
            })
            .is_some()
    );
}

#[test]
fn refused_launches_are_tried_four_times() {
    let events = [
        intended(1),
        refused(1, 1),
        intended(1),
        refused(1, 2),
        intended(3),
        refused(3, 3),
        intended(13),
    ];
    let last = after(&events);
    assert_eq!(
        last.transition(&started(14, 3, 'a')),
        None,
        "an attempt that was refused cannot start"
    );
    let failed = last.transition(&refused(14, 4)).unwrap();
    assert_eq!(
        (failed.status(), reason(&failed)),
        (Status::Failed, Reason::LaunchFailed)
    );
    assert_eq!(failed.ended().unwrap().0.words(), Some("no room"));
}

#[test]
fn what_no_attempt_could_change_is_not_tried_again() {
    let placed = || after(&[intended(1), Event::LaunchAccepted { attempt: 1 }]);
    let evidence = |is_final| Evidence {
        words: Some("no such image".to_owned()),
        is_final,
        ..Evidence::default()
    };
    let lost = placed().transition(&gone(2, 1, evidence(false))).unwrap();
    assert!(lost.ended().is_none());
    let ends = [
        after(&[intended(1), refused_for_good(2, 1)]),
        after(&[
            intended(1),
            refused(1, 1),
            intended(1),
            refused_for_good(2, 2),
        ]),
        placed().transition(&gone(2, 1, evidence(true))).unwrap(),
    ];
    for failed in ends {
        assert_eq!(reason(&failed), Reason::LaunchFailed);
        assert_eq!(failed.ended().unwrap().0.words(), Some("no such image"));
    }
}

#[test]
fn a_retry_waits_for_its_time() {
    let refused_twice = after(&[intended(1), refused(1, 1), intended(1), refused(1, 2)]);
    assert_eq!(refused_twice.transition(&intended(2)), None);
}

#[test]
fn a_launch_whose_reply_was_lost_is_repeated_as_the_same_attempt() {
    let placing = after(&[intended(1)]);
    assert_eq!(placing.transition(&intended(2)), None);
    assert_eq!(
        placing
            .transition(&intended(21))
            .unwrap()
            .attempt()
            .unwrap()
            .number(),
        1
    );
}

#[test]
fn a_place_that_ends_before_the_start_is_a_definite_no() {
    let placed = after(&[intended(1), Event::LaunchAccepted { attempt: 1 }]);
    let next = placed.transition(&gone(2, 1, Evidence::default())).unwrap();
    assert_eq!(
        next.state(),
        &State::Starting {
            since: at(0),
            step: LaunchStep::Due { at: at(2) }
        }
    );
    assert_eq!(
        after(&[intended(1)]).transition(&gone(2, 1, Evidence::default())),
        None,
        "the launch may still be in flight"
    );
}

#[test]
fn without_a_finish_the_evidence_decides_in_order() {
    let running = [intended(1), started(2, 1, 'a')];
    let end = |more: &[Event], evidence: Evidence, seconds| {
        let before = more.iter().fold(after(&running), |execution, event| {
            execution.transition(event).unwrap()
        });
        reason(&before.transition(&gone(seconds, 1, evidence)).unwrap())
    };
    let word = |word| Evidence {
        word: Some(word),
        ..Evidence::default()
    };
    let report = Report {
        ended_by: EndedBy::Itself,
        end: ProcessEnd::Exited(0),
    };
    assert_eq!(
        end(
            &[],
            Evidence {
                report: Some(report),
                ..word(ProviderWord::OutOfMemory)
            },
            3
        ),
        Reason::Exited
    );
    assert_eq!(
        end(
            &[stop(StopCause::Cancelled)],
            word(ProviderWord::Interrupted),
            3
        ),
        Reason::Cancelled
    );
    assert_eq!(
        end(&[], word(ProviderWord::Interrupted), 700),
        Reason::TimedOut
    );
    assert_eq!(
        end(&[], word(ProviderWord::OutOfMemory), 3),
        Reason::OutOfMemory
    );
    assert_eq!(
        end(&[], word(ProviderWord::Interrupted), 3),
        Reason::Interrupted
    );
    assert_eq!(end(&[], Evidence::default(), 3), Reason::AgentLost);
}

#[test]
fn a_command_that_ended_before_the_term_keeps_its_result() {
    let stopping = after(&[intended(1), started(2, 1, 'a'), stop(StopCause::Cancelled)]);
    let own = stopping
        .transition(&finished(6, 'a', EndedBy::Itself, ProcessEnd::Exited(3)))
        .unwrap();
    assert_eq!(
        (own.status(), own.ended().unwrap().0.exit_code()),
        (Status::Failed, Some(3))
    );
    let killed = stopping
        .transition(&finished(6, 'a', EndedBy::Signal, ProcessEnd::Signaled(15)))
        .unwrap();
    assert_eq!(killed.status(), Status::Stopped);
}

#[test]
fn no_start_for_a_quarter_of_an_hour_is_the_end() {
    let placed = after(&[intended(1), Event::LaunchAccepted { attempt: 1 }]);
    let overdue = |seconds| Event::StartOverdue {
        at: at(seconds),
        words: "silence".to_owned(),
    };
    assert_eq!(placed.transition(&overdue(899)), None);
    assert_eq!(
        reason(&placed.transition(&overdue(900)).unwrap()),
        Reason::LaunchFailed
    );
}

#[test]
fn records_survive_their_own_json() {
    let execution = after(&[intended(1), started(2, 1, 'a'), stop(StopCause::TimedOut)]);
    let json = serde_json::to_string(&execution).unwrap();
    assert_eq!(serde_json::from_str::<Execution>(&json).unwrap(), execution);
}

fn any_report() -> impl Strategy<Value = Report> {
    let end = prop_oneof![
        Just(ProcessEnd::Exited(0)),
        Just(ProcessEnd::Exited(7)),
        Just(ProcessEnd::Signaled(9)),
        Just(ProcessEnd::NeverRan)
    ];
    let by = prop_oneof![
        Just(EndedBy::Itself),
        Just(EndedBy::Cancel),
        Just(EndedBy::Timeout),
        Just(EndedBy::Signal)
    ];
    (by, end).prop_map(|(ended_by, end)| Report { ended_by, end })
}

fn any_launch_event() -> impl Strategy<Value = Event> {
    let silence = |s| Event::StartOverdue {
        at: at(s),
        words: String::new(),
    };
    let session = prop_oneof![Just('a'), Just('b')];
    prop_oneof![
        (0_i64..2000).prop_map(intended),
        (0_u32..5).prop_map(|attempt| Event::LaunchAccepted { attempt }),
        (0_i64..2000, 0_u32..6).prop_map(|(s, attempt)| refused(s, attempt)),
        (0_i64..2000, 0_u32..6).prop_map(|(s, attempt)| refused_for_good(s, attempt)),
        (0_i64..2000).prop_map(silence),
        (0_i64..2000, 0_u32..5, session).prop_map(|(s, attempt, who)| started(s, attempt, who)),
    ]
}

fn any_end_event() -> impl Strategy<Value = Event> {
    let cause = prop_oneof![Just(StopCause::Cancelled), Just(StopCause::TimedOut)];
    let word = prop_oneof![
        Just(ProviderWord::OutOfMemory),
        Just(ProviderWord::Interrupted)
    ];
    let report = prop::option::of(any_report());
    let evidence = (report, prop::option::of(word), any::<bool>());
    let evidence = evidence.prop_map(|(report, word, is_final)| Evidence {
        report,
        word,
        is_final,
        ..Evidence::default()
    });
    let session = prop_oneof![Just('a'), Just('b')];
    prop_oneof![
        (0_i64..2000, cause).prop_map(|(s, cause)| Event::StopAsked { at: at(s), cause }),
        (0_i64..2000, session, any_report()).prop_map(|(s, who, report)| finished(
            s,
            who,
            report.ended_by,
            report.end
        )),
        (0_i64..2000, 0_u32..5, evidence)
            .prop_map(|(s, attempt, evidence)| gone(s, attempt, evidence)),
        (0_i64..2000).prop_map(|s| Event::Closed {
            at: at(s),
            cost: Cost::of(Money::ZERO)
        }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let denied = |s| Event::TurnedAway {
        at: at(s),
        outcome: Outcome::without_code(Reason::Denied, None),
    };
    prop_oneof![
        5 => any_launch_event(),
        4 => any_end_event(),
        1 => (0_i64..2000).prop_map(|s| Event::Admitted { at: at(s), fence: Fence::NONE }),
        1 => (0_i64..2000).prop_map(denied),
        1 => (0_i64..2000).prop_map(|s| Event::Unreachable { at: at(s) }),
        1 => Just(Event::Reachable),
        1 => Just(Event::LockLost),
    ]
}

/// Where a status stands in an execution's life; nothing ever goes back.
fn rank(status: Status) -> u8 {
    match status {
        Status::Queued => 0,
        Status::Starting => 1,
        Status::Running => 2,
        Status::Terminating => 3,
        Status::Succeeded | Status::Failed | Status::Stopped => 4,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_event_in_any_order(queued in any::<bool>(), events in prop::collection::vec(any_event(), 0..40)) {
        let mut now = execution(if queued { Admission::Queued } else { Admission::Unlocked });
        let mut agents = 0;
        for event in events {
            let Some(next) = now.transition(&event) else { continue };
            prop_assert!(rank(next.status()) >= rank(now.status()), "{:?} went back", event);
            if let Some(outcome) = now.ended() {
                prop_assert_eq!(next.ended(), Some(outcome), "an outcome changed");
            }
            prop_assert!(!now.is_closed(), "history changed");
            prop_assert!(next.attempt >= now.attempt);
            prop_assert!(next.sealed().is_none() || !next.status().is_terminal(), "values outlived the run");
            if now.started().is_none() && next.started().is_some() {
                agents += 1;
            } else {
                prop_assert_eq!(now.started(), next.started(), "the agent changed");
            }
            if !matches!(event, Event::LaunchIntended { .. }) {
                prop_assert_eq!(next.transition(&event), None, "an event twice is an event once: {:?}", event);
            }
            now = next;
        }
        prop_assert!(agents <= 1, "two agents ran it");
    }
}
