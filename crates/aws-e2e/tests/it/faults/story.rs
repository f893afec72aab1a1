//! Stories that are told again and again, each time with one call to AWS gone wrong, and the one end that all have.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use runvoy_aws_local::{Fault, FaultPlan, When};
use serde_json::Value;

use super::account::{Account, Door, FUNCTIONS, QUEUES, within};

/// How a call goes wrong: before or after it is done the caller dies, or the caller lives and hears nothing.
const WAYS: [Fault; 3] = [Fault::KillBefore, Fault::KillAfter, Fault::DropReply];
/// A story has fewer calls of one caller than this.
const MOST_CALLS: u64 = 60;
/// So many tellings of one story may end before the call that was to go wrong: calls that depend on who is faster.
const MOST_MISSED: usize = 30;
/// The slowest repair takes less: a lost launch is made again after a minute's lease, and other tests may have the account
/// meanwhile.
const REPAIR: Duration = Duration::from_mins(10);
/// How often everything is looked after until then.
const PACE: Duration = Duration::from_secs(1);

/// A run in a story.
pub(crate) struct Run {
    pub(crate) id: String,
    /// A line for each time that the command ran.
    pub(crate) trace: PathBuf,
    pub(crate) status: &'static str,
    /// What went wrong meanwhile.
    pub(crate) fault: String,
}

/// What goes wrong in one telling: a call of a caller, from when the story arms it.
pub(crate) struct Spoiler<'a> {
    account: &'a Account,
    plan: FaultPlan,
    pub(crate) name: String,
}

impl Spoiler<'_> {
    /// The calls are counted from here.
    pub(crate) fn arm(&self) {
        self.account.spoil(self.plan.clone());
    }
}

/// Tells the story once for each call of the caller and each way to spoil it, until it was told in all ways without
/// coming to such a call: one telling that is shorter than others does not end it.
pub(crate) fn at_each_call(
    account: &Account,
    caller: &str,
    name: &str,
    mut story: impl FnMut(&Spoiler<'_>) -> Vec<Run>,
) -> Vec<Run> {
    let calls = format!("{caller}/*/*");
    let story_of = format!("{name} of {caller}");
    let (mut runs, mut missed) = (Vec::new(), 0);
    let mut is_spoilt = |number, way: &Fault| {
        let plan = FaultPlan::none().with(&calls, When::Number(number), way.clone());
        let name = format!("{name}, {way:?} at call {number} of {caller}");
        let mark = account.aws().calls().mark();
        runs.extend(story(&Spoiler {
            account,
            plan,
            name,
        }));
        account.until_idle();
        account.spoil(FaultPlan::none());
        let calls = account.aws().calls().since(mark, caller);
        calls.iter().any(|call| call.fault.is_some())
    };
    for number in 1..MOST_CALLS {
        let spoilt = WAYS.iter().filter(|way| is_spoilt(number, way)).count();
        if spoilt == 0 {
            assert!(number > 5, "{story_of} calls too few");
            return runs;
        }
        missed += WAYS.len() - spoilt;
        assert!(
            missed < MOST_MISSED,
            "{story_of} is told differently each time"
        );
    }
    panic!("{story_of} calls without end");
}

/// Lets everything be looked after until the runs are closed, then judges each. Other tests may break things meanwhile.
pub(crate) fn judge(door: Door, runs: &[Run]) {
    let mut open = Vec::new();
    let mut looked: Option<Instant> = None;
    let all_closed = within(REPAIR, || {
        if looked.is_some_and(|looked| looked.elapsed() < PACE) {
            return false;
        }
        let account = door();
        account.tick();
        account.until_idle();
        open = open_of(&account, runs);
        looked = Some(Instant::now());
        open.is_empty()
    });
    assert!(all_closed, "not closed: {open:#?}");
    let account = door();
    let executions = account.list();
    let wrong: Vec<String> = runs
        .iter()
        .filter_map(|run| verdict(&account, &executions, run))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    nothing_is_left(&account, runs);
}

/// Those that are not closed, and their stories.
fn open_of(account: &Account, runs: &[Run]) -> Vec<String> {
    let executions = account.list().into_iter();
    let open = executions.filter(|execution| !is_closed(execution));
    let ours = open.filter_map(|execution| {
        let run = runs
            .iter()
            .find(|run| execution["execution_id"] == run.id.as_str())?;
        Some(format!("{}: {execution}", run.fault))
    });
    ours.collect()
}

/// Its end is final, and so is its cost.
fn is_closed(execution: &Value) -> bool {
    execution["completed_at"].is_string()
        && execution["cost_usd"].is_string()
        && execution.get("cost_is_estimate").is_none()
}

/// What is wrong with how the run ended.
fn verdict(account: &Account, executions: &[Value], run: &Run) -> Option<String> {
    let mut executions = executions.iter();
    let execution = executions.find(|execution| execution["execution_id"] == run.id.as_str())?;
    let log = account.log(&run.id);
    let times = fs::read_to_string(&run.trace).unwrap_or_default();
    let tasks = account.tasks(&run.id);
    let is_right = execution["status"] == run.status
        && execution.get("unreachable_since").is_none()
        && log == "said\n"
        && times == "ran\n"
        && tasks.iter().all(|status| *status == "STOPPED");
    (!is_right).then(|| {
        format!(
            "{}: {execution}, its log {log:?}, its trace {times:?}, its tasks {tasks:?}",
            run.fault
        )
    })
}

/// No lock is held, nobody waits, no function has given up or was refused anything, and all still works.
fn nothing_is_left(account: &Account, runs: &[Run]) {
    let admin = &account.world.admin;
    let locks = admin.must(&["locks", "list", "--output", "json"]);
    let locks: Vec<Value> = serde_json::from_str(&locks).unwrap();
    for lock in &locks {
        let holder = lock["holder"]["execution"].as_str();
        let is_held = runs.iter().any(|run| holder == Some(run.id.as_str()));
        assert!(!is_held && lock["waiting"] == 0, "{lock}");
    }
    for queue in QUEUES {
        assert_eq!(account.aws().queues().messages(queue), [], "{queue}");
    }
    for function in FUNCTIONS {
        let logs = account.aws().lambdas().logs(function);
        let denied = logs.iter().find(|line| line.contains("AccessDenied"));
        assert_eq!(denied, None, "{function}");
    }
    let said = admin.run(&["run", "--lock", "afterwards", "echo well"]);
    assert_eq!((said.code, said.out.as_str()), (0, "well\n"), "{said:#?}");
}
