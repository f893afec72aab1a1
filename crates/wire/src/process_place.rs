//! The place of an agent that is a plain process: `process pid=<pid> start=<ticks> boot=<boot id>`.

use std::fmt;
use std::str::FromStr;

use runvoy_core::Invalid;

/// A process that no other can be taken for: numbers of processes come again, together with start and boot they do not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessPlace {
    /// The process's number.
    pub pid: u32,
    /// When it started, in ticks since the machine did (field 22 of `/proc/PID/stat`); 0 where that cannot be had.
    pub start: u64,
    /// The machine's boot (`/proc/sys/kernel/random/boot_id`); `-` where that cannot be had.
    pub boot: String,
}

impl fmt::Display for ProcessPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, start, boot } = self;
        write!(f, "process pid={pid} start={start} boot={boot}")
    }
}

impl FromStr for ProcessPlace {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        parse(text).ok_or_else(|| Invalid::new("place", "is not that of a process"))
    }
}

/// The start of a process, from the text of its `/proc/PID/stat`.
pub fn start_in_stat(stat: &str) -> Option<u64> {
    // The name (field 2) may hold anything, parentheses and blanks too; it ends at the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn parse(text: &str) -> Option<ProcessPlace> {
    let words: Vec<&str> = text.split(' ').collect();
    let ["process", pid, start, boot] = words[..] else {
        return None;
    };
    Some(ProcessPlace {
        pid: pid.strip_prefix("pid=")?.parse().ok()?,
        start: start.strip_prefix("start=")?.parse().ok()?,
        boot: boot
            .strip_prefix("boot=")
            .filter(|id| !id.is_empty())?
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_parse_as_they_print() {
        let place = ProcessPlace {
            pid: 17,
            start: 4711,
            boot: "0b7c-aa".to_owned(),
        };
        assert_eq!(place.to_string(), "process pid=17 start=4711 boot=0b7c-aa");
        assert_eq!(place.to_string().parse::<ProcessPlace>().unwrap(), place);
    }

    #[test]
    fn other_places_are_refused() {
        for text in [
            "",
            "process",
            "process pid=1 start=2",
            "process pid=x start=2 boot=b",
            "process pid=1 start=2 boot=",
        ] {
            assert!(text.parse::<ProcessPlace>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_start_is_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        assert_eq!(start_in_stat(stat), Some(98765));
        assert_eq!(start_in_stat("12 (x) S 1"), None);
    }
}
