//! Durations as people type and read them.

use std::time::Duration;

use crate::text::{Invalid, excerpt};

/// Reads `30s`, `10m`, `1h`, `1h30m`, `500ms`, `2d` or bare seconds such as `600`. Zero is refused.
pub fn parse(text: &str) -> Result<Duration, Invalid> {
    let bad = || {
        Invalid::new(
            "duration",
            format!(
                "must look like 30s, 10m, 1h30m or 600 (seconds), not {}",
                excerpt(text)
            ),
        )
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    if rest.bytes().all(|b| b.is_ascii_digit()) {
        return positive(Duration::from_secs(rest.parse().map_err(|_| bad())?));
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let unit = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let millis: u64 = match &rest[..unit] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(bad()),
        };
        rest = &rest[unit..];
        let part = count.checked_mul(millis).ok_or_else(bad)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(bad)?;
    }
    positive(total)
}

fn positive(duration: Duration) -> Result<Duration, Invalid> {
    if duration.is_zero() {
        Err(Invalid::new("duration", "must be more than zero"))
    } else {
        Ok(duration)
    }
}

/// Writes a duration the way [`parse`] reads it: `5s`, `10m`, `1h30m`; below a second in `ms`.
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        return if duration.is_zero() {
            "0s".to_owned()
        } else {
            format!("{}ms", duration.as_millis())
        };
    }
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    shown.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_people_type() {
        for (text, seconds) in [
            ("30s", 30),
            ("10m", 600),
            ("1h", 3600),
            ("600", 600),
            ("1h30m", 5400),
            ("2d", 172_800),
            (" 5m ", 300),
        ] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(parse("250ms").unwrap(), Duration::from_millis(250));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "0",
            "0s",
            "-5",
            "5x",
            "m5",
            "1h-3m",
            "5 m",
            "99999999999999999999",
            "18446744073709551615d",
            "10é",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whole_seconds_print_as_they_parse(seconds in 1_u64..10_000_000) {
            let duration = Duration::from_secs(seconds);
            proptest::prop_assert_eq!(parse(&show(duration)).unwrap(), duration);
        }
    }
}
