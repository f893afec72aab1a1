//! A process that is killed at any moment, under load, loses nothing that it acknowledged.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use runvoy_core::log::{LogHead, Seq};
use runvoy_ports::{
    Appended, Batch, ExecutionReads as _, HeadWrite, Ledger as _, LockReads as _, LogReads as _,
    LogSink as _, UserReads as _, Write,
};
use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::{fault::splitmix, sample};
use tokio::task::JoinSet;

use crate::child;

const TEST: &str = "kill::what_was_acknowledged_survives_a_kill";
const ROUNDS: u64 = 6;
/// Numbers of batches that a round has for itself.
const SPAN: u64 = 1_000_000;
const COMMITTERS: u64 = 4;
const WRITERS: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    if let Some((file, round)) = child::task() {
        return load(&file, round).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("runvoy.db");
    let mut random = 7;
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let patience = 20 + splitmix(&mut random) % 300;
        kill_after(&file, round, patience, &mut acknowledged);
        check(&file, &acknowledged).await;
    }
    assert!(
        acknowledged.batches.len() > 100,
        "there was hardly any load"
    );
}

/// What children said was done.
#[derive(Default)]
struct Acknowledged {
    batches: Vec<u64>,
    /// By execution, the number that its log waits for.
    logs: HashMap<u64, u64>,
}

impl Acknowledged {
    /// Reads a line such as `ack batch 7` or `ack log 3 12`; libtest may have written something before it.
    fn note(&mut self, line: &str) -> bool {
        let Some((_, words)) = line.split_once("ack ") else {
            return false;
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        match words[..] {
            ["batch", number] => self.batches.push(number.parse().unwrap()),
            ["log", id, next] => {
                self.logs.insert(id.parse().unwrap(), next.parse().unwrap());
            }
            _ => panic!("{line}"),
        }
        true
    }
}

/// Runs a child until it has said `patience` things, kills it, and hears what it had said until then.
fn kill_after(file: &Path, round: u64, patience: u64, acknowledged: &mut Acknowledged) {
    let mut child = child::command(TEST, file, round)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = 0;
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if line.ends_with('\n') {
            heard += u64::from(acknowledged.note(&line));
        }
        line.clear();
        if heard == patience {
            child.kill().unwrap();
        }
    }
    assert!(heard >= patience, "the child ended by itself after {heard}");
    child.wait().unwrap();
}

/// Everything acknowledged is there, and nothing is there in part.
async fn check(file: &Path, acknowledged: &Acknowledged) {
    let store = SqliteStore::open(file, Durability::Full).await.unwrap();
    for number in &acknowledged.batches {
        assert_eq!(parts(&store, *number).await, 4, "batch {number} is lost");
    }
    let newest = acknowledged
        .batches
        .iter()
        .max()
        .copied()
        .unwrap_or_default();
    for number in newest + 1..newest + 50 {
        let parts = parts(&store, number).await;
        assert!([0, 4].contains(&parts), "{parts} parts of batch {number}");
    }
    for (id, next) in &acknowledged.logs {
        let id = sample::execution_id(*id);
        let head = store.find_head(&id).await.unwrap().unwrap();
        assert!(head.next_seq.number() >= *next, "lines of {id} are lost");
        let entries = store.read_entries(&id, Seq::START, 1 << 30).await.unwrap();
        assert_eq!(entries, sample::entries(1, head.next_seq.number() - 1));
    }
    store.close().await.unwrap();
}

/// How many of a batch's four rows are there.
async fn parts(store: &SqliteStore, number: u64) -> usize {
    let executions = [2 * number, 2 * number + 1].map(sample::execution_id);
    let mut parts = 0;
    for id in &executions {
        parts += usize::from(store.find_execution(id).await.unwrap().is_some());
    }
    let user = sample::email(&format!("user-{number}"));
    parts += usize::from(store.find_user(&user).await.unwrap().is_some());
    let lock = sample::lock_name(&format!("lock-{number}"));
    parts + usize::from(store.find_lock(&lock).await.unwrap().is_some())
}

/// Writes from several tasks, and says so, until killed.
async fn load(file: &Path, round: u64) {
    let store = SqliteStore::open(file, Durability::Normal).await.unwrap();
    let next = Arc::new(AtomicU64::new(round * SPAN + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..COMMITTERS {
        tasks.spawn(commit(store.clone(), Arc::clone(&next)));
    }
    for writer in 0..WRITERS {
        tasks.spawn(append(store.clone(), (ROUNDS + round) * 2 * SPAN + writer));
    }
    tasks.join_all().await;
}

async fn commit(store: SqliteStore, next: Arc<AtomicU64>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let writes = vec![
            Write::InsertExecution(sample::execution(2 * number)),
            Write::InsertExecution(sample::execution(2 * number + 1)),
            Write::InsertUser(sample::user(&format!("user-{number}"))),
            Write::InsertLock(sample::lock(&format!("lock-{number}"))),
        ];
        store.commit(&numbered(number, writes)).await.unwrap();
        say(&format!("ack batch {number}\n"));
    }
}

async fn append(store: SqliteStore, number: u64) {
    let id = sample::execution_id(number);
    let mut head = LogHead::new(id.clone());
    head.session = Some(sample::session(1));
    let insert = vec![Write::Head(id.clone(), HeadWrite::Insert(head))];
    store.commit(&numbered(number, insert)).await.unwrap();
    let mut first = 1;
    loop {
        let lines = sample::entries(first, 1 + first % 40);
        let appended = store
            .append(&id, &sample::session(1), &lines, sample::at(1))
            .await
            .unwrap();
        let Appended::Next(next) = appended else {
            panic!("{appended:?}")
        };
        first = next.number();
        say(&format!("ack log {number} {first}\n"));
    }
}

/// A batch whose id no other round gives.
fn numbered(number: u64, writes: Vec<Write>) -> Batch {
    let mut audit = sample::audit();
    audit.id = format!("{number:032x}").parse().unwrap();
    Batch::new(audit, writes).unwrap()
}

fn say(line: &str) {
    io::stdout().write_all(line.as_bytes()).unwrap();
}
