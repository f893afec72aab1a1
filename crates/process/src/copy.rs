//! Reads the second copy of a log from `agent.log`.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use jiff::Timestamp;
use runvoy_core::log::{Entry, Seq};
use runvoy_ports::CopyPage;
use runvoy_wire::copy::{CopyLine, parse_line};

/// Entries above `after`, about `max_bytes` of text. No file: an empty copy.
/// The copy has no times: its entries carry that of its last change.
pub(crate) fn read(path: &Path, after: Seq, max_bytes: usize) -> io::Result<CopyPage> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(CopyPage::default()),
        Err(error) => return Err(error),
    };
    let at = Timestamp::try_from(file.metadata()?.modified()?).map_err(io::Error::other)?;
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut page = CopyPage::default();
    let (mut line, mut bytes) = (Vec::new(), 0);
    while bytes < max_bytes {
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        // A last line without its line feed was cut off and does not count.
        let Some(text) = line.strip_suffix(b"\n") else {
            break;
        };
        match parse_line(&String::from_utf8_lossy(text)) {
            Some(CopyLine::Entry {
                seq,
                stream,
                text,
                has_end,
            }) if seq > after => {
                bytes += text.len() + 1;
                page.entries.push(Entry {
                    seq,
                    at,
                    stream,
                    text: text.to_owned(),
                    has_end,
                });
            }
            Some(CopyLine::End { last, report }) => page.end = Some((last, report)),
            Some(CopyLine::Entry { .. }) | None => {}
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use runvoy_core::outcome::{EndedBy, ProcessEnd, Report};

    use super::*;

    fn copy(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.log");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn what_is_cut_off_does_not_count() {
        let (_dir, path) = copy("#1 s hello\n#2 O par\n#3 o t");
        let page = read(&path, Seq::START, 1000).unwrap();
        assert_eq!(
            page.entries
                .iter()
                .map(|entry| (entry.seq.number(), entry.has_end))
                .collect::<Vec<_>>(),
            [(1, true), (2, false)]
        );
        assert_eq!(page.end, None);
    }

    #[test]
    fn pages_go_on_where_the_last_ended() {
        let (_dir, path) = copy("#1 o aaaa\n#2 o bbbb\n#3 o cccc\n#end 3 none exit 0\n");
        let first = read(&path, Seq::START, 5).unwrap();
        assert_eq!((first.entries.len(), first.end), (1, None));
        let rest = read(&path, Seq::new(1), 1000).unwrap();
        assert_eq!(rest.entries.len(), 2);
        let report = Report {
            ended_by: EndedBy::Itself,
            end: ProcessEnd::Exited(0),
        };
        assert_eq!(rest.end, Some((Seq::new(3), report)));
    }

    #[test]
    fn no_file_is_an_empty_copy() {
        assert_eq!(
            read(Path::new("/nonexistent/agent.log"), Seq::START, 10).unwrap(),
            CopyPage::default()
        );
    }
}
