//! Who follows a run sees each line once, those of before and those to come, and asks for them at a measured pace.

use std::fs;
use std::time::Instant;

use crate::shell::until;
use crate::world::World;

const PAST_LINES: usize = 300;
const LIVE_LINES: usize = 60;

#[test]
fn a_follower_sees_past_and_live_lines_once_and_does_not_hammer() {
    let world = World::disturbed();
    let person = world.person("follower@example.com", "developer");
    let script = format!(
        "seq -f 'past %g' {PAST_LINES}; until [ -e {} ]; do sleep 0.02; done; \
         for n in $(seq {LIVE_LINES}); do echo live $n; sleep 0.1; done",
        person.path("gate")
    );
    let id = person.submit(&[&script]);
    // From before it starts, and from the midst of it.
    let mut early = person.start(&["logs", "-f", &id]);
    early.says(&format!("past {PAST_LINES}\n"));
    let mut late = person.start(&["logs", "-f", &id]);
    late.says(&format!("past {PAST_LINES}\n"));
    let (before, since) = (invocations(&world), Instant::now());
    fs::write(person.path("gate"), "").unwrap();
    let ends = [early.end(), late.end()];
    let (asked, seconds) = (invocations(&world) - before, since.elapsed().as_secs_f64());
    let most = 2.0 * 2.0 * (seconds + 1.0);
    #[expect(clippy::cast_precision_loss, reason = "a count of some dozens")]
    let is_modest = (asked as f64) <= most;
    assert!(
        is_modest,
        "two followers asked {asked} times in {seconds} s"
    );
    let past = (1..=PAST_LINES).map(|line| format!("past {line}"));
    let live = (1..=LIVE_LINES).map(|line| format!("live {line}"));
    let expected: Vec<String> = past.chain(live).collect();
    for said in ends {
        assert_eq!(said.code, 0, "{said:#?}");
        let shown: Vec<(u64, &str)> = said.out.lines().map(numbered).collect();
        let numbers: Vec<u64> = shown.iter().map(|(number, _)| *number).collect();
        let all: Vec<u64> = (1..=shown.len() as u64).collect();
        assert_eq!(numbers, all, "numbers have no gap and none is twice");
        let is_own = |text: &&str| text.starts_with("past ") || text.starts_with("live ");
        let said: Vec<&str> = shown
            .into_iter()
            .map(|(_, text)| text)
            .filter(is_own)
            .collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn nobody_waits_in_a_function_for_lines_that_are_not_there() {
    let world = World::shared();
    let key = world
        .admin
        .must(&["users", "create", "patient@example.com", "--show-key"]);
    let person = world.holder_of(key.trim_end());
    let script = format!(
        "echo ready; until [ -e {} ]; do sleep 0.02; done",
        person.path("gate")
    );
    let id = person.submit(&[&script]);
    let headers = [("x-api-key", key.trim_end())];
    let ask = |after: u64| {
        let line = format!("GET /api/v1/executions/{id}/logs?after={after}&wait=20");
        world.send(&line, &headers, &serde_json::Value::Null)
    };
    until(|| ask(0).1.to_string().contains("ready").then_some(()));
    let next = ask(0).1["next"].as_u64().unwrap();
    let since = Instant::now();
    let (status, page) = ask(next);
    assert!(since.elapsed().as_secs() < 10, "{:?}", since.elapsed());
    assert_eq!(status, 200, "{page}");
    assert_eq!(page["events"], serde_json::json!([]));
    assert!(page["poll_after_ms"].as_u64().unwrap() >= 500, "{page}");
    fs::write(person.path("gate"), "").unwrap();
    person.closed(&id);
}

fn invocations(world: &World) -> u64 {
    world.aws.lambdas().stats("runvoy-api").unwrap().invocations
}

/// `[number] date time  text`.
fn numbered(line: &str) -> (u64, &str) {
    let (number, rest) = line.strip_prefix('[').unwrap().split_once("] ").unwrap();
    let (_, text) = rest.split_once("  ").unwrap();
    (number.parse().unwrap(), text)
}
