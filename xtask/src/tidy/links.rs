//! Links between documents.

use std::path::Path;

use super::TextFile;

/// Relative links that lead nowhere, one sentence each.
pub(super) fn problems(root: &Path, files: &[TextFile]) -> Vec<String> {
    let documents = files.iter().filter(|file| file.has_end("md"));
    documents
        .flat_map(|document| {
            let folder = root.join(&document.path);
            let folder = folder.parent().unwrap_or(root).to_path_buf();
            targets(&document.text)
                .filter(move |target| !folder.join(target).exists())
                .map(|target| format!("{} links to {target}, which is not there", document.path))
        })
        .collect()
}

/// The files that a document links to, without anchors.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_that_are_missing_are_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        std::fs::write(folder.path().join("README.md"), "").unwrap();
        let document = TextFile {
            path: "docs/a.md".to_owned(),
            text: "[a](../README.md#top) [b](https://b.example) [c](#c) [d](d.md)".to_owned(),
        };
        assert_eq!(
            problems(folder.path(), &[document]),
            ["docs/a.md links to d.md, which is not there"]
        );
    }
}
