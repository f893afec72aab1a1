//! Lengths, names and white space of files.

use std::path::Path;

use super::TextFile;

/// The most lines that a source file may have, its tests apart.
const MOST_LINES: usize = 500;

/// Ends of files whose lines must not end in white space; rustfmt sees to Rust's.
const TRIMMED: [&str; 5] = ["md", "toml", "yml", "yaml", "service"];

/// What does not hold, one sentence each.
pub(super) fn problems(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        if file.has_end("rs") {
            problems.extend(source_problem(file));
        }
        let has_no_end = Path::new(&file.path).extension().is_none();
        if has_no_end || TRIMMED.iter().any(|end| file.has_end(end)) {
            problems.extend(space_problem(file));
        }
    }
    problems
}

fn source_problem(file: &TextFile) -> Option<String> {
    let path = Path::new(&file.path);
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        return Some(format!("{} is to be named after its folder", file.path));
    }
    let is_test = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    let lines = lines_without_tests(&file.text);
    (!is_test && lines > MOST_LINES)
        .then(|| format!("{} has {lines} lines, more than {MOST_LINES}", file.path))
}

/// Lines before the module of tests, which stands last.
fn lines_without_tests(text: &str) -> usize {
    let code = text.split("\n#[cfg(test)]\nmod tests {\n").next();
    code.unwrap_or_default().lines().count()
}

fn space_problem(file: &TextFile) -> Option<String> {
    let mut lines = file.text.lines();
    let number = lines.position(|line| line.ends_with([' ', '\t']))?;
    Some(format!("{}:{} ends in white space", file.path, number + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_long_file_is_found_but_its_tests_do_not_count() {
        let long = "x\n".repeat(MOST_LINES + 1);
        let tested = format!("x\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert_eq!(problems(&[file("crates/a/src/lib.rs", &long)]).len(), 1);
        assert!(problems(&[file("crates/a/src/lib.rs", &tested)]).is_empty());
        assert!(problems(&[file("crates/a/tests/it/main.rs", &long)]).is_empty());
    }

    #[test]
    fn names_and_spaces_are_found() {
        assert_eq!(problems(&[file("crates/a/src/b/mod.rs", "")]).len(), 1);
        assert_eq!(
            problems(&[file("a.md", "a\nb \n")]),
            ["a.md:2 ends in white space"]
        );
        assert_eq!(problems(&[file("justfile", "a:\t\n")]).len(), 1);
    }
}
