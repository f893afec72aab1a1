//! Names of code in `ARCHITECTURE.md`: an invariant names the test that holds it, and the test is there.

use super::TextFile;

const DOCUMENT: &str = "ARCHITECTURE.md";
/// Words that declare a name in Rust.
const DECLARED_BY: [&str; 9] = [
    "fn ",
    "mod ",
    "struct ",
    "enum ",
    "trait ",
    "type ",
    "const ",
    "static ",
    "macro_rules! ",
];

/// Names written as `` `crate::…::name` `` that the crate does not declare, one sentence each.
pub(super) fn problems(files: &[TextFile]) -> Vec<String> {
    let documents = files.iter().filter(|file| file.path == DOCUMENT);
    documents
        .flat_map(|document| code_names(&document.text))
        .filter(|(name, _)| has_folder(files, name))
        .filter(|(krate, name)| !is_declared(files, krate, name))
        .map(|(krate, name)| {
            format!("{DOCUMENT} names {name} in {krate}, which declares no such thing")
        })
        .collect()
}

/// First and last part of every path between backticks.
fn code_names(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_path = |word: &&str| {
        let is_part = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        word.contains("::") && word.split("::").all(is_part)
    };
    let between_backticks = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    between_backticks.filter(is_path).filter_map(|path| {
        let (krate, _) = path.split_once("::")?;
        let (_, name) = path.rsplit_once("::")?;
        Some((krate, name))
    })
}

/// Where a crate's code is. Paths of other packages, such as `std::process`, have none.
fn folder(krate: &str) -> String {
    match krate {
        "xtask" => "xtask/".to_owned(),
        _ => format!(
            "crates/{}/",
            krate.trim_start_matches("runvoy_").replace('_', "-")
        ),
    }
}

fn has_folder(files: &[TextFile], krate: &str) -> bool {
    let folder = folder(krate);
    files.iter().any(|file| file.path.starts_with(&folder))
}

fn is_declared(files: &[TextFile], krate: &str, name: &str) -> bool {
    let folder = folder(krate);
    files
        .iter()
        .filter(|file| file.path.starts_with(&folder) && file.has_end("rs"))
        .any(|file| file.text.lines().any(|line| declares(line, name)))
}

fn declares(line: &str, name: &str) -> bool {
    DECLARED_BY.iter().any(|word| {
        let after = line.split(word).skip(1);
        after.into_iter().any(|rest| {
            rest.strip_prefix(name)
                .is_some_and(|end| !end.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    })
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
    fn a_test_that_is_not_there_is_found() {
        let text = "Held by `sql::a_row_is_kept`, `sql::a_row` and `std::process`, not `a b::c`.";
        let files = [
            file(DOCUMENT, text),
            file("crates/sql/src/lib.rs", "    async fn a_row_is_kept() {"),
        ];
        assert_eq!(
            problems(&files),
            ["ARCHITECTURE.md names a_row in sql, which declares no such thing"]
        );
    }

    #[test]
    fn modules_types_and_macros_are_names_too() {
        assert!(declares("pub mod lock;", "lock"));
        assert!(declares("pub(crate) struct Lock<T> {", "Lock"));
        assert!(declares(
            "macro_rules! ledger_contract {",
            "ledger_contract"
        ));
        assert!(!declares("// the fnord of lock", "lock"));
    }
}
