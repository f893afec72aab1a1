//! The second copy, as the agent wrote it to its standard output.

use std::fmt::Write as _;
use std::fs;

use runvoy_core::log::{Seq, Stream};
use runvoy_ports::{CopyPage, Launcher as _};

use crate::stage::{STAYS, Stage};

async fn page(stage: &Stage, after: u64, max_bytes: usize) -> CopyPage {
    let placement = stage.placement();
    let copy = stage
        .launcher
        .read_copy(&placement, Seq::new(after), max_bytes);
    copy.await.unwrap()
}

#[tokio::test]
async fn what_the_agent_prints_is_the_copy() {
    let stage = Stage::new("echo '#1 s hello'; echo '#2 E par'; echo '#end 2 none exit 7'");
    stage.launch().await;
    stage.pids("agents").await;
    stage.gone().await;
    let page = page(&stage, 0, 1000).await;
    let entries: Vec<_> = page.entries.iter().collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (
            entries[1].stream,
            entries[1].text.as_str(),
            entries[1].has_end
        ),
        (Stream::Stderr, "par", false)
    );
    assert_eq!(
        page.end,
        Some((Seq::new(2), "none exit 7".parse().unwrap()))
    );
}

#[tokio::test]
async fn pages_bring_every_entry_once_and_then_the_end() {
    let stage = Stage::new(STAYS);
    let mut text = String::new();
    for number in 1..=100 {
        writeln!(text, "#{number} o line {number}").unwrap();
    }
    text.push_str("#end 100 none exit 0\n");
    fs::create_dir_all(stage.path("")).unwrap();
    fs::write(stage.path("agent.log"), text).unwrap();
    let (mut seen, mut pages) = (Vec::new(), 0);
    let end = loop {
        let last = seen.last().copied().unwrap_or_default();
        let page = page(&stage, last, 100).await;
        seen.extend(page.entries.iter().map(|entry| entry.seq.number()));
        pages += 1;
        if page.end.is_some() || page.entries.is_empty() {
            break page.end;
        }
    };
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    assert!(pages > 5, "{pages}");
    assert_eq!(end, Some((Seq::new(100), "none exit 0".parse().unwrap())));
}

#[tokio::test]
async fn no_copy_is_an_empty_one() {
    let stage = Stage::new(STAYS);
    assert_eq!(page(&stage, 0, 1000).await, CopyPage::default());
}

#[tokio::test]
async fn a_copy_that_cannot_be_read_is_an_error() {
    let stage = Stage::new(STAYS);
    fs::create_dir_all(stage.path("agent.log")).unwrap();
    let placement = stage.placement();
    let copy = stage.launcher.read_copy(&placement, Seq::START, 1000);
    assert!(copy.await.is_err());
}
