use super::*;

fn lines(line: usize, text: &str) -> Lines {
    Lines {
        line,
        text: text.to_owned(),
    }
}

#[test]
fn every_block_that_a_reader_would_type_is_an_example() {
    let text = "a\n```sh\necho hi\n```\n\n<!-- output -->\n\n```text\nhi\n```\n\n1. b\n\n   ```bash\n   if x\n     y\n   ```\n";
    let expected = [
        Example {
            typed: lines(3, "echo hi\n"),
            form: Form::Script,
            expected: Some(lines(9, "hi\n")),
        },
        Example {
            typed: lines(15, "if x\n  y\n"),
            form: Form::Script,
            expected: None,
        },
    ];
    assert_eq!(Page::read(text).unwrap().examples, expected);
}

#[test]
fn a_transcript_is_commands_and_what_they_show() {
    let text = "```console\n$ echo a\\\n> b\nab\n\n> c\n$ true\n```\n";
    let typed = |line, text: &str, shown: Lines| Example {
        typed: lines(line, text),
        form: Form::Typed,
        expected: Some(shown),
    };
    let expected = [
        typed(2, "echo a\\\nb\n", lines(4, "ab\n\n> c\n")),
        typed(7, "true\n", lines(8, "")),
    ];
    assert_eq!(Page::read(text).unwrap().examples, expected);
}

#[test]
fn what_is_not_run_has_a_reason() {
    let text = "<!-- not run: no account -->\n```sh\nx\n```\n```toml\na = 1\n```\n<!-- run: local aws -->\n```bash\ny\n```\n<!-- output: local aws -->\n```text\nz\n```\n";
    let page = Page::read(text).unwrap();
    let skipped = Skipped {
        line: 3,
        reason: "no account".to_owned(),
    };
    assert_eq!(page.skipped, [skipped]);
    assert_eq!(page.examples, []);
}

#[test]
fn a_page_says_what_it_wants() {
    let page = Page::read("# A\n\n<!-- run: server, docker -->\n\nText.\n").unwrap();
    assert!(page.wants.server && page.wants.docker);
    assert_eq!(Page::read("# A\n").unwrap().wants, Wants::default());
}

#[test]
fn marks_that_mark_nothing_are_refused() {
    for text in [
        "<!-- run -->\n\ntext\n",
        "<!-- run -->\n",
        "<!-- run -->\n```toml\na = 1\n```\n",
        "<!-- not run: why -->\n<!-- run -->\n```sh\nx\n```\n",
        "<!-- not run -->\n```sh\nx\n```\n",
        "<!-- run: moon -->\n",
        "<!-- output -->\n```text\nhi\n```\n",
        "```sh\necho\n",
        "```console\nhi\n```\n",
        "```console\n```\n",
    ] {
        assert!(Page::read(text).is_err(), "{text}");
    }
}
