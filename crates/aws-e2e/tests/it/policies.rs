//! Each role may do what its function's code does, and nothing else.

use std::time::Duration;

use runvoy_aws_local::{End, FaultPlan, Permission};
use serde_json::Value;

use crate::faults::account::{Account, FUNCTIONS, alone, within};
use crate::shell::Person;

/// How long a run takes at most.
const SOON: Duration = Duration::from_mins(2);
/// Longer than anybody waits for the last lines of a task that has stopped.
const LONG_AGO: Duration = Duration::from_mins(90);

/// What is granted for moments that do not come here, and why: caller, action, the end of the resource, reason.
const UNSEEN: &[(&str, &str, &str, &str)] = &[
    ("api", "logs:CreateLogStream", "*", LAMBDAS_OWN),
    ("api", "logs:PutLogEvents", "*", LAMBDAS_OWN),
    ("agent", "logs:CreateLogStream", "*", LAMBDAS_OWN),
    ("agent", "logs:PutLogEvents", "*", LAMBDAS_OWN),
    ("events", "logs:CreateLogStream", "*", LAMBDAS_OWN),
    ("events", "logs:PutLogEvents", "*", LAMBDAS_OWN),
    ("events", "sqs:SendMessage", "runvoy-errors", LAMBDAS_OWN),
    ("api", "ecs:TagResource", "*", TAGS),
    ("events", "ecs:TagResource", "*", TAGS),
    ("api", "ecs:DescribeTasks", "task/runvoy/*", LATE_TASK),
    ("api", "ecs:StopTask", "task/runvoy/*", LATE_TASK),
    ("api", "dynamodb:PutItem", "/runvoy-tasks", LATE_TASK),
    ("api", "dynamodb:DeleteItem", "/runvoy-tasks", LATE_TASK),
    ("agent", "dynamodb:GetItem", "/runvoy-audit", LOST_ANSWER),
    ("events", "dynamodb:GetItem", "/runvoy-audit", LOST_ANSWER),
];
const LAMBDAS_OWN: &str = "Lambda itself writes logs and sends what failed, as the function's role";
const LOST_ANSWER: &str = "whether a change was made whose answer was lost";
const TAGS: &str = "ECS itself asks for it where a task is started with tags";
const LATE_TASK: &str =
    "a command is cancelled while it is launched, and its task turns up all the same";

#[test]
fn a_role_may_do_what_its_function_does_and_nothing_else() {
    let account = alone();
    use_everything(&account);
    for function in FUNCTIONS {
        let logs = account.aws().lambdas().logs(function);
        let denied = logs.iter().find(|line| line.contains("AccessDenied"));
        assert_eq!(denied, None, "{function} may do too little");
    }
    let callers = [
        ("api", "AKIALOCALAPI"),
        ("agent", "AKIALOCALAGENT"),
        ("events", "AKIALOCALEVENTS"),
    ];
    let too_many = callers.map(|(caller, key)| (caller, unused(&account, caller, key)));
    let is_exact = too_many.iter().all(|(_, unused)| unused.is_empty());
    assert!(is_exact, "granted and never used: {too_many:#?}");
}

/// What the caller's role may do, its code has never done, and nothing explains.
fn unused(account: &Account, caller: &str, key: &str) -> Vec<Permission> {
    let policies = account.aws().control().policies();
    let role = policies.role_of(key).expect("a role");
    let used = account.aws().calls().permissions(caller);
    let mut granted: Vec<_> = policies.statements(&role).iter().flat_map(grants).collect();
    assert!(!granted.is_empty(), "{caller} may do nothing");
    granted.retain(|grant| {
        let is_used = |used: &Permission| {
            used.action == grant.action && fits(&grant.resource, &used.resource)
        };
        let mut unseen = UNSEEN.iter();
        let is_explained = unseen.any(|(of, action, end, _)| {
            *of == caller && grant.action == *action && grant.resource.ends_with(end)
        });
        !is_explained && !used.iter().any(is_used)
    });
    granted
}

/// Each pair of action and resource that the statement allows.
fn grants(statement: &Value) -> Vec<Permission> {
    assert_eq!(statement["Effect"], "Allow", "{statement}");
    let pairs = texts(&statement["Action"]).into_iter().flat_map(|action| {
        let resources = texts(&statement["Resource"]).into_iter();
        resources.map(move |resource| Permission {
            action: action.clone(),
            resource,
        })
    });
    pairs.collect()
}

fn texts(value: &Value) -> Vec<String> {
    let many = value.as_array().into_iter().flatten();
    let texts = many
        .chain(value.is_string().then_some(value))
        .filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Whether the resource fits the pattern, which ends in a star or names it.
fn fits(pattern: &str, resource: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => resource.starts_with(head) && resource.ends_with(tail),
        None => pattern == resource,
    }
}

/// Everything that people do, and most of what can happen to their commands.
fn use_everything(account: &Account) {
    let admin = &account.world.admin;
    admin.must(&["run", "--lock", "everything", "echo said"]);
    admin.must(&[
        "run",
        "--image",
        "public.ecr.aws/docker/library/alpine:3",
        "echo said",
    ]);
    let holder = account.submit(&["--lock", "everything"], "sleep 600");
    let cancelled = account.submit(&["--lock", "everything"], "true");
    let image = "public.ecr.aws/docker/library/busybox:1";
    account.submit(&["--lock", "everything", "--image", image], "true");
    admin.must(&["kill", &cancelled]);
    admin.must(&["locks", "show", "everything"]);
    admin.must(&["locks", "list"]);
    assert!(within(SOON, || account.tasks(&holder).contains(&"RUNNING")));
    admin.must(&["kill", &holder]);
    people(account);
    reading(account, &holder);
    lost(account);
    unseen_at_first(account);
    assert!(within(SOON, || account.has_stopped(&holder)));
    account.until_idle();
    account.tick();
    account.until_idle();
}

fn people(account: &Account) {
    let admin = &account.world.admin;
    let invitation = admin.must(&["users", "create", "somebody@example.com"]);
    let mut claim = invitation
        .split_whitespace()
        .skip_while(|word| *word != "claim")
        .skip(1);
    let token = claim.next().expect("a line to claim with");
    let mut arguments = vec!["claim", token];
    arguments.extend(claim);
    Person::new().must(&arguments);
    admin.must(&["users", "list"]);
    admin.must(&["users", "role", "somebody@example.com", "viewer"]);
    admin.must(&["users", "rotate", "somebody@example.com"]);
    admin.must(&["users", "revoke", "somebody@example.com"]);
    admin.must(&["whoami"]);
}

fn reading(account: &Account, id: &str) {
    let admin = &account.world.admin;
    admin.must(&["list"]);
    admin.must(&["list", "--mine"]);
    admin.must(&["list", "--status", "succeeded"]);
    admin.must(&["list", "--lock", "everything"]);
    admin.must(&["status", id]);
    admin.must(&["logs", id]);
    admin.must(&["audit", "list"]);
}

/// ECS does not know a task for a while after it has started.
fn unseen_at_first(account: &Account) {
    let ecs = account.aws().ecs();
    ecs.set_delays(|delays| delays.visibility = Duration::from_secs(5));
    let id = account.submit(&[], "sleep 8");
    assert!(within(SOON, || {
        account.tick();
        account.until_idle();
        account.has_stopped(&id)
    }));
    ecs.set_delays(|delays| delays.visibility = Duration::ZERO);
}

/// A machine is lost under a command, long enough ago for its lines to have come; another is stopped before it starts.
fn lost(account: &Account) {
    let ecs = account.aws().ecs();
    let trace = account.trace();
    let command = format!("echo ran >> {}; sleep 600", trace.display());
    let lost = account.submit(&[], &command);
    assert!(within(SOON, || trace.exists()));
    account.until_idle();
    ecs.clock().put_back(LONG_AGO);
    ecs.end(&format!("{lost}-1"), &End::HostLoss);
    assert!(within(SOON, || {
        account.tick();
        account.until_idle();
        account.status(&lost)["completed_at"].is_string()
    }));
    ecs.clock().advance(LONG_AGO);
    ecs.set_delays(|delays| delays.starting = Duration::from_mins(10));
    let early = account.submit(&[], "true");
    account.world.admin.must(&["kill", &early]);
    assert!(within(SOON, || account.has_stopped(&early)));
    ecs.set_delays(|delays| delays.starting = Duration::from_millis(20));
    account.until_idle();
    account.world.admin.must(&["logs", &early]);
    let dies = "api/dynamodb/TransactWriteItems:1:kill-after";
    account.spoil(dies.parse().unwrap());
    account.submit(&[], "true");
    account.spoil(FaultPlan::none());
}
