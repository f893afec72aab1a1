//! The second copy in CloudWatch, and lines of an agent that never called.

use std::io::ErrorKind;
use std::time::Duration;

use runvoy_core::log::Seq;
use runvoy_ports::{CopyPage, Launcher as _};

use super::{ARN, Stage, attempt, named, stopped, unnamed};

fn copy(entries: u64, end: Option<&str>) -> Vec<String> {
    let entries = (1..=entries).map(|seq| format!("#{seq} o line {seq}"));
    entries.chain(end.map(str::to_owned)).collect()
}

async fn read(stage: &Stage, after: u64, max_bytes: usize) -> std::io::Result<CopyPage> {
    stage
        .launcher
        .read_copy(&named(ARN), Seq::new(after), max_bytes)
        .await
}

fn numbers(page: &CopyPage) -> Vec<u64> {
    page.entries
        .iter()
        .map(|entry| entry.seq.number())
        .collect()
}

#[tokio::test]
async fn the_whole_copy_is_read_with_its_end() {
    let stage = Stage::new().await;
    stage
        .aws
        .set_stream(&copy(25, Some("#end 25 none exit 3")), 10);
    let page = read(&stage, 0, 1_000_000).await.unwrap();
    assert_eq!(numbers(&page), (1..=25).collect::<Vec<_>>());
    assert_eq!(
        page.end,
        Some((Seq::new(25), "none exit 3".parse().unwrap()))
    );
    assert_eq!(page.entries[0].text, "line 1");
    let (_, call) = stage.aws.take_calls().remove(0);
    assert_eq!(
        (&call["logGroupName"], &call["logStreamName"]),
        (&"/runvoy/runvoy/tasks".into(), &"run/main/00ff".into())
    );
}

#[tokio::test]
async fn only_the_end_is_fetched_where_only_the_end_is_missing() {
    let stage = Stage::new().await;
    stage
        .aws
        .set_stream(&copy(995, Some("#end 995 none exit 0")), 10);
    let page = read(&stage, 990, 1_000_000).await.unwrap();
    assert_eq!(numbers(&page), [991, 992, 993, 994, 995]);
    assert!(page.end.is_some());
    assert!(stage.aws.take_calls().len() <= 2);
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended() {
    let stage = Stage::new().await;
    stage
        .aws
        .set_stream(&copy(40, Some("#end 40 none exit 0")), 10);
    let (mut after, mut all, mut pages) = (3, Vec::new(), 0);
    loop {
        let page = read(&stage, after, 50).await.unwrap();
        all.extend(numbers(&page));
        pages += 1;
        match page.end {
            Some(_) => break,
            None => after = *all.last().unwrap(),
        }
    }
    assert_eq!(all, (4..=40).collect::<Vec<_>>());
    assert!(pages > 2);
    // The end is there for whoever asks again.
    assert!(read(&stage, 40, 50).await.unwrap().end.is_some());
}

#[tokio::test]
async fn other_lines_are_none_of_the_copy() {
    let stage = Stage::new().await;
    let mut lines = vec!["runvoy-agent: warning".to_owned(), "#1 O par".to_owned()];
    lines.extend([
        "#2 o t".to_owned(),
        "#x".to_owned(),
        "#end 2 none exit 0\n".to_owned(),
    ]);
    stage.aws.set_stream(&lines, 2);
    let page = read(&stage, 0, 1000).await.unwrap();
    assert_eq!(numbers(&page), [1, 2]);
    assert_eq!(
        (page.entries[0].has_end, page.entries[1].has_end),
        (false, true)
    );
    assert!(page.end.is_some());
}

#[tokio::test]
async fn an_incomplete_copy_is_not_believed_within_a_minute_of_the_stop() {
    let stage = Stage::new().await;
    stage.clock.set("2026-11-01T10:02:34Z".parse().unwrap());
    stage.tell(stopped(5)).await;
    for lines in [None, Some(copy(3, None))] {
        if let Some(lines) = lines {
            stage.aws.set_stream(&lines, 10);
        }
        assert_eq!(
            read(&stage, 3, 100).await.unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    }
    assert_eq!(numbers(&read(&stage, 1, 100).await.unwrap()), [2, 3]);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(read(&stage, 3, 100).await.unwrap(), CopyPage::default());
}

#[tokio::test]
async fn a_complete_copy_is_believed_at_once() {
    let stage = Stage::new().await;
    stage.clock.set("2026-11-01T10:01:36Z".parse().unwrap());
    stage.tell(stopped(5)).await;
    stage
        .aws
        .set_stream(&copy(3, Some("#end 3 none exit 0")), 10);
    let page = read(&stage, 3, 100).await.unwrap();
    assert!(page.entries.is_empty() && page.end.is_some());
}

#[tokio::test]
async fn without_a_stream_or_a_task_the_copy_is_empty() {
    let stage = Stage::new().await;
    assert_eq!(read(&stage, 0, 100).await.unwrap(), CopyPage::default());
    let page = stage
        .launcher
        .read_copy(&unnamed(), Seq::START, 100)
        .await
        .unwrap();
    assert_eq!(page, CopyPage::default());
}

#[tokio::test]
async fn the_provider_tells_the_last_lines_and_its_own_words() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.launcher.provider_lines(&attempt()).await.unwrap(),
        Vec::<String>::new()
    );
    stage.tell(stopped(5)).await;
    stage.aws.set_stream(&["exec format error".to_owned()], 100);
    let words = "EssentialContainerExited; Essential container in task exited";
    let lines = stage.launcher.provider_lines(&attempt()).await.unwrap();
    // Once of each container.
    assert_eq!(lines, ["exec format error", "exec format error", words]);

    stage.aws.set_stream(&copy(500, None), 1000);
    let lines = stage.launcher.provider_lines(&attempt()).await.unwrap();
    assert_eq!(
        (lines.len(), lines[98].as_str(), lines[99].as_str()),
        (100, "#500 o line 500", words)
    );
}
