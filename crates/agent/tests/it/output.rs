//! Output of every shape arrives: all of it, in order, once, as text.

use runvoy_core::log::{MAX_ENTRY_BYTES, Stream};
use runvoy_wire::copy::{CopyLine, parse_line};

use crate::agent::{Finished, Stage, eventually, script};

#[test]
fn a_flood_of_lines_arrives_in_order() {
    let run = Stage::new(script("seq 300000")).run();
    let expected: String = (1..=300_000).fold(String::new(), |out, number| {
        out + &number.to_string() + "\n"
    });
    assert!(run.stdout() == expected);
    assert_eq!(run.code(), 0);
}

#[test]
fn a_huge_line_is_cut_and_loses_nothing() {
    let agent = Stage::new(script(
        "head -c 52428800 /dev/zero | tr '\\0' x; echo; [ -e go ] || mkfifo go; : > go",
    ))
    .start();
    eventually("the line's end", || {
        agent.stage.plane.raw(Stream::Stdout).ends_with('\n')
    });
    assert!(agent.peak_kib() <= 32 * 1024, "{} KiB", agent.peak_kib());
    drop(std::fs::read(agent.stage.path("go")));
    let run = agent.wait();
    assert_eq!(run.stdout().len(), 52_428_801);
    let state = run.stage.plane.state();
    let output = state
        .entries
        .iter()
        .filter(|entry| entry.stream == Stream::Stdout);
    assert!(
        output
            .clone()
            .all(|entry| entry.text.len() <= MAX_ENTRY_BYTES)
    );
    assert_eq!(output.filter(|entry| entry.has_end).count(), 1);
}

#[test]
fn random_bytes_arrive_as_text() {
    let run = Stage::new(script("head -c 1000000 /dev/urandom > bytes; cat bytes")).run();
    let bytes = std::fs::read(run.stage.path("bytes")).unwrap();
    assert!(run.stdout() == String::from_utf8_lossy(&bytes));
}

#[test]
fn carriage_returns_are_text_and_take_no_memory() {
    let run = Stage::new(script(
        "head -c 1000000 /dev/zero | tr '\\0' '\\r'; echo done",
    ))
    .run();
    assert!(run.stdout() == format!("{}done\n", "\r".repeat(1_000_000)));
}

#[test]
fn an_unfinished_line_goes_out_while_the_command_waits() {
    let agent = Stage::new(script(
        "printf 'Continue? '; mkfifo go; read answer < go; echo \"$answer\"",
    ))
    .start();
    eventually("the question", || {
        agent.stage.plane.raw(Stream::Stdout) == "Continue? "
    });
    std::fs::write(agent.stage.path("go"), "yes\n").unwrap();
    assert_eq!(agent.wait().stdout(), "Continue? yes\n");
}

#[test]
fn beyond_the_limit_the_loss_is_told_and_the_end_is_kept() {
    let stage = Stage::new(script("seq 100000; echo last >&2"));
    stage.plane.answer(|answer| answer.log_limit = 1000);
    let run = stage.run();
    assert!(run.stdout().starts_with("1\n2\n3\n") && run.stdout().ends_with("99999\n100000\n"));
    assert!(run.stdout().len() <= 1000 + 64 * 1024);
    assert_eq!(run.stderr(), "last\n");
    assert!(
        run.system()
            .contains("The log limit of 1000 bytes is reached")
    );
    // What `seq` wrote and the line on the other stream, less what was kept.
    let missing = 588_895 + 5 - run.stdout().len() - 5;
    assert!(
        run.system()
            .contains(&format!("({missing} bytes) are missing here")),
        "{}",
        run.system()
    );
    assert_copy_is_the_log(&run);
}

#[test]
fn the_second_copy_is_the_log_and_its_end() {
    let run = Stage::new(script("echo one; echo two >&2; echo; printf three; exit 9")).run();
    assert_copy_is_the_log(&run);
    assert!(
        run.file("agent.log").ends_with("#end 6 none exit 9\n"),
        "{}",
        run.file("agent.log")
    );
}

#[test]
fn a_second_copy_that_nobody_takes_stalls_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    let agent = Stage::new(script("seq 100000; exit 6")).start_with_copy(writer.into());
    eventually("the report", || agent.stage.plane.state().finish.is_some());
    drop(reader);
    let run = agent.wait();
    assert_eq!((run.code(), run.stdout().len()), (6, 588_895));
}

#[test]
fn a_second_copy_without_a_reader_is_done_without() {
    let (_, writer) = std::io::pipe().unwrap();
    let run = Stage::new(script("seq 100000; exit 6"))
        .start_with_copy(writer.into())
        .wait();
    assert_eq!((run.code(), run.stdout().len()), (6, 588_895));
}

fn assert_copy_is_the_log(run: &Finished) {
    let copy = run.file("agent.log");
    let mut lines = copy
        .split_terminator('\n')
        .map(|line| parse_line(line).unwrap());
    for entry in &run.stage.plane.state().entries {
        let expected = CopyLine::Entry {
            seq: entry.seq,
            stream: entry.stream,
            text: &entry.text,
            has_end: entry.has_end,
        };
        assert_eq!(lines.next(), Some(expected));
    }
    assert!(
        matches!(lines.next(), Some(CopyLine::End { last, .. }) if last == run.finish().last_seq)
    );
    assert_eq!(lines.next(), None);
}
