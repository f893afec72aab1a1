use super::*;
use crate::printer::Style;
use crate::printer::captured::printer;

const TERMINAL: Style = Style {
    out_is_terminal: true,
    out_draws: true,
    err_draws: false,
    err_colours: false,
};

fn entry(line: u64, stream: &str, message: &str, end: &str) -> LogEventView {
    LogEventView {
        event_id: line.to_string(),
        line,
        timestamp: 1_761_831_168_000,
        message: message.to_owned(),
        stream: stream.to_owned(),
        end: end.to_owned(),
    }
}

fn log() -> Vec<LogEventView> {
    vec![
        entry(
            1,
            "system",
            "Runvoy Runner execution started by requestID r1",
            "\n",
        ),
        entry(2, "system", "echo a", "\n"),
        entry(3, "system", "echo b", "\n"),
        entry(4, "stdout", "a\u{1b}[31m", ""),
        entry(5, "stderr", "warn", "\n"),
        entry(6, "stdout", "b", "\n"),
        entry(7, "system", "stopping: the time is up", "\n"),
        entry(8, "stdout", "rest", ""),
    ]
}

fn shown(style: Style, shape: Shape, stream: Option<&str>) -> (String, String) {
    let (printer, out, err) = printer(style);
    let mut entries = EntryPrinter::new(&printer, shape, Clock::Utc, "echo a\necho b")
        .only(stream.map(ToOwned::to_owned));
    // Page borders must not show.
    for event in log() {
        entries.page(&[event]);
    }
    entries.finish();
    (out.text(), err.text())
}

#[test]
fn raw_output_is_the_remotes_own_on_each_stream() {
    let (out, err) = shown(TERMINAL, Shape::Raw, None);
    assert_eq!(out, "a\u{1b}[31mb\nrest");
    assert_eq!(err, "warn\nrunvoy: stopping: the time is up\n");
}

#[test]
fn a_remark_is_shown_although_nothing_was_written() {
    let (printer, out, err) = printer(Style::default());
    let mut entries = EntryPrinter::new(&printer, Shape::Raw, Clock::Utc, "nope");
    entries.page(&[
        entry(
            1,
            "system",
            "Runvoy Runner execution started by requestID r1",
            "\n",
        ),
        entry(2, "system", "nope", "\n"),
        entry(3, "system", "nope: not found", "\n"),
    ]);
    assert_eq!(
        (out.text().as_str(), err.text().as_str()),
        ("", "runvoy: nope: not found\n")
    );
}

#[test]
fn lines_have_number_and_time_and_nothing_a_terminal_obeys() {
    let (out, err) = shown(TERMINAL, Shape::Lines, None);
    insta::assert_snapshot!(out, @r"
    [1] 2025-10-30 13:32:48  Runvoy Runner execution started by requestID r1
    [2] 2025-10-30 13:32:48  echo a
    [3] 2025-10-30 13:32:48  echo b
    [4] 2025-10-30 13:32:48  a\u{1b}[31m
    [5] 2025-10-30 13:32:48  warn
    [6] 2025-10-30 13:32:48  b
    [7] 2025-10-30 13:32:48  stopping: the time is up
    [8] 2025-10-30 13:32:48  rest
    ");
    assert_eq!(err, "");
}

#[test]
fn one_stream_can_be_asked_for() {
    let (out, _) = shown(Style::default(), Shape::Lines, Some("stdout"));
    assert_eq!(
        out,
        "[4] 2025-10-30 13:32:48  a\u{1b}[31mb\n[8] 2025-10-30 13:32:48  rest\n"
    );
}

#[test]
fn the_table_joins_the_parts_of_a_line() {
    let (out, _) = shown(Style::default(), Shape::Table, None);
    insta::assert_snapshot!(out.replace('\u{1b}', "ESC"), @r"
    Line  Timestamp (UTC)      Message
    1     2025-10-30 13:32:48  Runvoy Runner execution started by requestID r1
    2     2025-10-30 13:32:48  echo a
    3     2025-10-30 13:32:48  echo b
    4     2025-10-30 13:32:48  aESC[31mb
    5     2025-10-30 13:32:48  warn
    7     2025-10-30 13:32:48  stopping: the time is up
    8     2025-10-30 13:32:48  rest
    ");
}

#[test]
fn an_empty_log_is_a_table_without_rows() {
    let (printer, out, _) = printer(TERMINAL);
    EntryPrinter::new(&printer, Shape::Table, Clock::Utc, "true").finish();
    insta::assert_snapshot!(out.text(), @r"
    Line  Timestamp (UTC)  Message
    ────  ───────────────  ───────
    ");
}

#[test]
fn programs_get_an_object_a_line() {
    let (out, _) = shown(Style::default(), Shape::Json, Some("stderr"));
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["message"], "warn");
    let (yaml, _) = shown(Style::default(), Shape::Yaml, None);
    let values: Vec<LogEventView> = serde_yaml_ng::from_str(&yaml).unwrap();
    assert_eq!(values, log());
}
