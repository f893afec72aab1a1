//! The second copy of a log, as the engine keeps it.

use runvoy_core::log::Stream;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_read_in_pages_and_whole() {
    let stage = Stage::new().await;
    let run = stage.script("seq 1 20000; echo e >&2");
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    let (entries, end) = run.copy(10_000).await;
    let known = stage.plane.known(&run.attempt);
    assert_eq!(entries.len(), known.entries.len());
    assert_eq!(
        end.map(|(last, _)| last),
        entries.last().map(|last| last.seq)
    );
    for (copied, sent) in entries.iter().zip(&known.entries) {
        assert_eq!(
            (copied.seq, copied.stream, &copied.text, copied.has_end),
            (sent.seq, sent.stream, &sent.text, sent.has_end)
        );
    }
    assert_eq!(known.lines(Stream::Stderr), ["e"]);
    // The same pages again, by one who knows nothing of the first reading.
    assert_eq!(run.copy(1 << 20).await.0.len(), entries.len());
    run.clean_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_longer_than_the_engines_own_come_whole() {
    let stage = Stage::new().await;
    let script = "head -c 200000 /dev/zero | tr '\\0' x; echo; echo short; printf 'no end'";
    let run = stage.script(script);
    assert_eq!(run.to_the_end().await.exit_code, Some(0));
    let (entries, _) = run.copy(1 << 20).await;
    let known = stage.plane.known(&run.attempt);
    let whole = |entries: &[runvoy_core::log::Entry]| {
        let mut text = String::new();
        for entry in entries
            .iter()
            .filter(|entry| entry.stream == Stream::Stdout)
        {
            text.push_str(&entry.text);
            text.push_str(if entry.has_end { "\n" } else { "" });
        }
        text
    };
    assert_eq!(
        whole(&entries),
        format!("{}\nshort\nno end", "x".repeat(200_000))
    );
    assert_eq!(whole(&entries), whole(&known.entries));
    run.clean_up().await;
}
