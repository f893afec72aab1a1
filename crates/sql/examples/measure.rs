#![allow(warnings)]
use std::time::Instant;
use runvoy_ports::*;
use runvoy_sql::*;
use runvoy_testkit::sample;
use runvoy_core::execution::Status;
use runvoy_core::log::*;
#[tokio::main]
async fn main() {
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("runvoy.db");
    let t = Instant::now();
    let s = SqliteStore::open(&path, Durability::Full).await.unwrap();
    println!("cold open {:?}", t.elapsed());
    s.close().await.unwrap();
    for _ in 0..3 {
        let t = Instant::now();
        let s = SqliteStore::open(&path, Durability::Normal).await.unwrap();
        let a = t.elapsed();
        s.find_execution(&sample::execution_id(1)).await.unwrap();
        let b = t.elapsed();
        s.close().await.unwrap();
        println!("warm open {:?} +first read {:?} +close {:?}", a, b, t.elapsed());
    }
    for d in [Durability::Normal, Durability::Full] {
        let s = SqliteStore::open(&path, d).await.unwrap();
        let base = if d == Durability::Normal {10_000_000} else {20_000_000u64};
        let t = Instant::now();
        let n = 500;
        for i in 0..n {
            let e = sample::execution(base + i);
            let id = e.id().clone();
            let mut audit = sample::audit(); audit.id = format!("{:032x}", base+i).parse().unwrap();
            s.commit(&Batch::new(audit, vec![Write::InsertExecution(e), Write::Head(id.clone(), HeadWrite::Insert(LogHead::new(id)))]).unwrap()).await.unwrap();
        }
        println!("{d:?} commit {:?}", t.elapsed()/ (n as u32));
        let t = Instant::now();
        for i in 0..n { s.find_execution(&sample::execution_id(base + i)).await.unwrap(); }
        println!("read {:?}", t.elapsed()/ (n as u32));
        // ingest
        let id = sample::execution_id(base+1);
        let mut audit = sample::audit(); audit.id = format!("{:032x}", base+n+1).parse().unwrap();
        s.commit(&Batch::new(audit, vec![Write::Head(id.clone(), HeadWrite::Bind(sample::session(1)))]).unwrap()).await.unwrap();
        let line = "x".repeat(99);
        let per = 2600u64; let chunks = 400u64;
        let t = Instant::now();
        for c in 0..chunks {
            let es: Vec<Entry> = (0..per).map(|i| sample::entry(1 + c*per + i, &line)).collect();
            s.append(&id, &sample::session(1), &es, sample::at(1)).await.unwrap();
        }
        let mb = (chunks*per*100) as f64/1e6;
        println!("{d:?} ingest {:.0} MB/s", mb / t.elapsed().as_secs_f64());
        let t = Instant::now();
        let mut after = Seq::START; let mut total = 0;
        loop {
            let p = s.read_entries(&id, after, 1<<20).await.unwrap();
            let Some(l) = p.last() else {break}; after = l.seq; total += p.len();
        }
        println!("read {} entries {:.0} MB/s", total, mb / t.elapsed().as_secs_f64());
        s.close().await.unwrap();
    }
    // 1M
    let s = SqliteStore::open(&path, Durability::Normal).await.unwrap();
    let t = Instant::now();
    let users = ["alice","bob","carol","dave","erin"];
    let n: u64 = 1_000_000;
    let mut i = 0;
    while i < n {
        let mut w = Vec::new();
        for _ in 0..25 {
            let mut e = sample::execution_of(i, users[(i*7 % 5) as usize], if i % 10 == 0 {Some("prod")} else {None});
            if i % 10 != 0 { e = sample::closed(&sample::exited(&e, if i % 100 == 1 {1} else {0})); }
            else if i < n-100 {e = sample::closed(&sample::cancelled(&e)); }
            w.push(Write::InsertExecution(e)); i += 1;
        }
        let mut audit = sample::audit(); audit.id = format!("{:032x}", 100_000_000+i).parse().unwrap();
        audit.user = Some(sample::email(users[(i % 5) as usize])); audit.execution = Some(sample::execution_id(i)); audit.at = sample::at(i as i64);
        s.commit(&Batch::new(audit, w).unwrap()).await.unwrap();
    }
    println!("inserted in {:?}", t.elapsed());
    s.close().await.unwrap();
    let s = SqliteStore::open(&path, Durability::Full).await.unwrap();
    for scope in [Scope::All, Scope::User(sample::email("bob")), Scope::Lock(sample::lock_name("prod"))] {
        for statuses in [vec![], vec![Status::Failed], vec![Status::Succeeded, Status::Failed, Status::Stopped], vec![Status::Running], Status::ALL.to_vec()] {
            for before in [None, Some(sample::execution_id(500_000))] {
                let q = ExecutionQuery{scope: scope.clone(), statuses: statuses.clone(), before, limit: 50};
                let t = Instant::now(); let len = s.list_executions(&q).await.unwrap().len(); let first = t.elapsed();
                let t = Instant::now(); for _ in 0..20 { s.list_executions(&q).await.unwrap(); }
                println!("{:?} {:?} {} -> {len}: first {first:?} then {:?}", q.scope, q.statuses.len(), q.before.is_some(), t.elapsed()/20);
            }
        }
    }
    let t = Instant::now(); let open = s.list_open(None, 1000).await.unwrap().len(); println!("open {open} {:?}", t.elapsed());
    for (u, e, si) in [(None,None,None),(Some("bob"),None,None),(None,Some(500_000u64),None),(None,None,Some(999_000)),(Some("bob"),None,Some(999_900)),(Some("bob"),Some(500_000),None)] {
        let q = AuditQuery{user: u.map(sample::email), execution: e.map(sample::execution_id), since: si.map(sample::at), before: None, limit: 50};
        let t = Instant::now(); let len = s.list_audit(&q).await.unwrap().len();
        println!("audit {u:?} {e:?} {si:?} -> {len} {:?}", t.elapsed());
    }
}
