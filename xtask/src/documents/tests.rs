use super::*;

/// What comes of a page, run without programs of its own.
fn report(text: &str) -> Report {
    let document = Document {
        name: "page.md".to_owned(),
        page: Page::read(text).unwrap(),
    };
    check(&document, Path::new("/nowhere"), None)
}

#[test]
fn a_page_whose_examples_do_what_it_says_holds() {
    let text = "```sh\necho a > file\n```\n```console\n$ cat file; echo b >&2\na\nb\n$ false\n$ echo $?\n1\n```\n";
    let report = report(text);
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(report.held, 4);
}

#[test]
fn an_example_that_fails_is_named_with_what_it_printed() {
    let report = report("Text.\n\n```sh\necho a; echo b >&2; (exit 3)\n```\n");
    assert_eq!(
        report.problems,
        ["page.md:4: `echo a; echo b >&2; (exit 3)`\nfails with exit code 3; it printed\na\nb\n"]
    );
}

#[test]
fn another_output_is_shown_with_its_line() {
    let report = report("```console\n$ printf 'a\\nc\\n'\na\nb\n```\n");
    let [problem] = report.problems.try_into().unwrap();
    let problem: String = problem;
    assert!(problem.starts_with("page.md:2: "), "{problem}");
    assert!(
        problem.contains("\nexpected in line 4: b\n               got: c\n"),
        "{problem}"
    );
}

#[test]
fn output_that_is_not_shown_is_another_output() {
    assert_eq!(report("```console\n$ echo a\n```\n").problems.len(), 1);
    assert_eq!(report("```sh\necho a\n```\n").problems.len(), 0);
}

#[test]
fn a_code_that_is_shown_must_be_that_code() {
    let report = report("```console\n$ (exit 3)\n$ echo $?\n4\n```\n");
    assert_eq!(report.problems.len(), 1);
}

#[test]
fn what_is_not_run_is_told_once_for_each_reason() {
    let text = "<!-- not run: x -->\n```sh\na\n```\n<!-- not run: x -->\n```sh\nb\n```\n<!-- not run: y -->\n```sh\nc\n```\n";
    let report = report(text);
    assert_eq!(report.not_run, ["page.md:3,7 (x)", "page.md:11 (y)"]);
}

#[test]
fn a_page_that_wants_an_engine_where_there_is_none_is_not_run() {
    let document = Document {
        name: "page.md".to_owned(),
        page: Page::read("<!-- run: docker -->\n```sh\nfalse\n```\n").unwrap(),
    };
    let report = check(
        &document,
        Path::new("/nowhere"),
        Some(&Err("no engine".to_owned())),
    );
    assert_eq!(report.not_run, ["page.md (no engine)"]);
    assert_eq!(report.problems, [""; 0]);
}

#[test]
fn every_document_can_be_read() {
    let documents = documents().unwrap();
    assert!(documents.len() > 10);
}

#[test]
fn every_page_with_examples_is_read() {
    let documents = documents().unwrap();
    let found = |page: &str| documents.iter().find(|one| one.name == page).unwrap();
    for page in ["README.md", "docs/server.md"] {
        assert!(!found(page).page.examples.is_empty(), "{page}");
    }
    for folder in ["aws", "docker", "systemd"] {
        let page = format!("deployments/{folder}/README.md");
        assert!(!found(&page).page.skipped.is_empty(), "{page}");
    }
}
