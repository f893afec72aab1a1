//! The sizes that Fargate has.

use serde_json::Value;

use super::refusal::{Refusal, text};

const GIB: u64 = 1024;

/// Refuses a combination of processor time and memory that Fargate does not have.
pub(super) fn check(cpu: &str, memory: &str) -> Result<(), Refusal> {
    let (Some(units), Some(mib)) = (amount(cpu, "vcpu"), amount(memory, "gb")) else {
        return Err(Refusal::client(
            "Fargate requires that 'cpu' and 'memory' be defined at the task level.",
        ));
    };
    if exists(units, mib) {
        return Ok(());
    }
    let message = "No Fargate configuration exists for given values: ";
    let hint = "See the Amazon ECS documentation for the valid values.";
    Err(Refusal::client(format!(
        "{message}{units} CPU, {mib} memory. {hint}"
    )))
}

fn exists(units: u64, mib: u64) -> bool {
    let (from, until, step) = match units {
        256 => return [512, 1024, 2048].contains(&mib),
        512 => (GIB, 4 * GIB, GIB),
        1024 => (2 * GIB, 8 * GIB, GIB),
        2048 => (4 * GIB, 16 * GIB, GIB),
        4096 => (8 * GIB, 30 * GIB, GIB),
        8192 => (16 * GIB, 60 * GIB, 4 * GIB),
        16384 => (32 * GIB, 120 * GIB, 8 * GIB),
        _ => return false,
    };
    (from..=until).contains(&mib) && (mib - from).is_multiple_of(step)
}

/// `256`, `.25 vCPU`, `512`, `2GB`: 1024ths or mebibytes.
fn amount(text: &str, unit: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(unit) else {
        return text.parse().ok();
    };
    let (whole, decimals) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let thousandths: u64 = format!("{decimals:0<3}").get(..3)?.parse().ok()?;
    Some(whole * GIB + thousandths * GIB / 1000)
}

/// Refuses more or less temporary disk than Fargate gives when asked: 20 GiB are had without asking, and cannot be asked for.
pub(super) fn check_storage(place: &Value) -> Result<(), Refusal> {
    match place["ephemeralStorage"]["sizeInGiB"].as_u64() {
        Some(size) if !(21..=200).contains(&size) => Err(Refusal::parameter(
            "Ephemeral storage size must be between 21 and 200 GiB.",
        )),
        _ => Ok(()),
    }
}

/// Processor time and memory of a definition, or of what overrides it.
pub(super) fn of<'a>(overrides: &'a Value, definition: &'a Value) -> (&'a str, &'a str) {
    let pick = |field| match text(overrides, field) {
        "" => text(definition, field),
        own => own,
    };
    (pick("cpu"), pick("memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sizes_of_fargate_exist() {
        for (cpu, memory) in [
            ("256", "512"),
            (".25 vCPU", "0.5 GB"),
            ("1024", "8192"),
            ("4096", "30720"),
            ("16 vCPU", "120GB"),
        ] {
            assert!(check(cpu, memory).is_ok(), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            ("300", "512"),
            ("256", "4096"),
            ("512", "1536"),
            ("8192", "17408"),
            ("", "512"),
            ("256", ""),
        ] {
            assert!(check(cpu, memory).is_err(), "{cpu} {memory}");
        }
    }
}
