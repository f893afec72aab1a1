//! A container to run in: what may be wished for, and what was planned.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{Invalid, excerpt};

/// Units of processor time in one virtual processor, as containers count them.
const UNITS_PER_CPU: u32 = 1024;
/// The most virtual processors that a number can mean; larger ones are units.
const MOST_CPUS: u32 = 63;

checked_text! {
    /// Names a container image: `[host[:port]/]path[:tag][@digest]`, at most 512 characters without white space.
    ImageRef, |text| {
        let good = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
        let head = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if head && text.len() <= 512 && text.chars().all(good) {
            Ok(())
        } else {
            Err(Invalid::new("image", format!("must be the name of a container image such as alpine:3.22, not {}", excerpt(text))))
        }
    }
}

/// The instruction set of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// 64-bit ARM.
    #[serde(rename = "ARM64")]
    Arm64,
    /// 64-bit x86.
    #[serde(rename = "X86_64")]
    X86,
}

impl Architecture {
    /// The spelling of ECS and of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "ARM64",
            Self::X86 => "X86_64",
        }
    }
}

impl FromStr for Architecture {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Arm64, Self::X86]
            .into_iter()
            .find(|one| one.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                Invalid::new(
                    "architecture",
                    format!("must be ARM64 or X86_64, not {}", excerpt(text)),
                )
            })
    }
}

/// Processor time in 1024ths of a virtual processor. Read from `256`, `0.25` or `2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cpu(u32);

impl Cpu {
    /// That many 1024ths of a virtual processor.
    pub const fn from_units(units: u32) -> Self {
        Self(units)
    }

    /// The amount in 1024ths of a virtual processor.
    pub const fn units(self) -> u32 {
        self.0
    }
}

impl FromStr for Cpu {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || {
            let why = format!(
                "must be virtual processors (0.25, 2) or 1024ths of one (256), not {}",
                excerpt(text)
            );
            Invalid::new("cpu", why)
        };
        let text = text.trim();
        if let Ok(number) = text.parse::<u32>() {
            return match number {
                0 => Err(bad()),
                1..=MOST_CPUS => Ok(Self(number * UNITS_PER_CPU)),
                units => Ok(Self(units)),
            };
        }
        let (whole, thousandths) = decimal(text).ok_or_else(bad)?;
        let units =
            whole.checked_mul(UNITS_PER_CPU).ok_or_else(bad)? + thousandths * UNITS_PER_CPU / 1000;
        if units == 0 {
            Err(bad())
        } else {
            Ok(Self(units))
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / UNITS_PER_CPU, self.0 % UNITS_PER_CPU);
        let decimals = format!("{:03}", rest * 1000 / UNITS_PER_CPU);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{whole} vCPU"),
            decimals => write!(f, "{whole}.{decimals} vCPU"),
        }
    }
}

/// Memory in mebibytes. Read from `512`, `512MB` or `2GB`, each a power of two as containers count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Memory(u32);

impl Memory {
    /// That many mebibytes.
    pub const fn from_mib(mib: u32) -> Self {
        Self(mib)
    }

    /// The amount in mebibytes.
    pub const fn mib(self) -> u32 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || {
            Invalid::new(
                "memory",
                format!(
                    "must be an amount such as 512MB or 2GB, not {}",
                    excerpt(text)
                ),
            )
        };
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (amount, unit) = text.split_at(digits);
        let (whole, thousandths) = decimal(amount).ok_or_else(bad)?;
        let factor: u32 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "m" | "mb" | "mib" => 1,
            "g" | "gb" | "gib" => 1024,
            _ => return Err(bad()),
        };
        let mib = whole
            .checked_mul(factor)
            .ok_or_else(bad)?
            .checked_add(thousandths * factor / 1000)
            .ok_or_else(bad)?;
        if mib == 0 { Err(bad()) } else { Ok(Self(mib)) }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1024, self.0 % 1024) {
            (0, mib) => write!(f, "{mib} MB"),
            (gib, 0) => write!(f, "{gib} GB"),
            (gib, rest) => write!(f, "{gib}.{} GB", (rest * 10) / 1024),
        }
    }
}

/// The whole and the thousandths of a decimal number of at most three decimals.
fn decimal(text: &str) -> Option<(u32, u32)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 3 || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    Some((whole.parse().ok()?, format!("{decimals:0<3}").parse().ok()?))
}

/// What a person wishes of the container; where nothing is said, the deployment's defaults stand in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerWish {
    /// Which image.
    pub image: Option<ImageRef>,
    /// How much processor time.
    pub cpu: Option<Cpu>,
    /// How much memory.
    pub memory: Option<Memory>,
}

impl ContainerWish {
    /// The first field that anything is wished of; none where everything may be the default.
    pub fn first_field(&self) -> Option<&'static str> {
        let fields = [
            ("image", self.image.is_some()),
            ("cpu", self.cpu.is_some()),
            ("memory", self.memory.is_some()),
        ];
        let wished = fields.into_iter().find(|(_, is_wished)| *is_wished);
        wished.map(|(field, _)| field)
    }
}

/// The container that was planned for an execution: frozen with its record, so that a launch can be asked for again
/// in the same words, and the base of its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Which image.
    pub image: ImageRef,
    /// For which instruction set.
    pub architecture: Architecture,
    /// Processor time.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Disk, in gibibytes.
    pub storage_gib: u32,
    /// Whether the provider may take it away at any time, for a lower price.
    pub is_spot: bool,
    /// The launcher's own name for image, agent and settings together.
    pub definition: String,
    /// The provider's role that the command gets.
    pub role: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_read_as_people_write_them() {
        for (text, units) in [
            ("256", 256),
            ("0.25", 256),
            ("1", 1024),
            ("2", 2048),
            ("16384", 16384),
            (" 0.5 ", 512),
        ] {
            assert_eq!(text.parse::<Cpu>().unwrap().units(), units, "{text}");
        }
        for bad in [
            "",
            "0",
            "-1",
            "0.0",
            "1e3",
            ".5",
            "1.0001",
            "four",
            "99999999999",
        ] {
            assert!(bad.parse::<Cpu>().is_err(), "{bad}");
        }
        assert_eq!(Cpu::from_units(256).to_string(), "0.25 vCPU");
        assert_eq!(Cpu::from_units(2048).to_string(), "2 vCPU");
    }

    #[test]
    fn memory_is_read_as_people_write_it() {
        for (text, mib) in [
            ("512", 512),
            ("512MB", 512),
            ("2GB", 2048),
            ("1.5g", 1536),
            ("4 GiB", 4096),
        ] {
            assert_eq!(text.parse::<Memory>().unwrap().mib(), mib, "{text}");
        }
        for bad in ["", "0", "GB", "2TB", "-512", "99999999GB"] {
            assert!(bad.parse::<Memory>().is_err(), "{bad}");
        }
        assert_eq!(Memory::from_mib(512).to_string(), "512 MB");
        assert_eq!(Memory::from_mib(30720).to_string(), "30 GB");
    }

    #[test]
    fn an_image_is_a_name_without_tricks() {
        for good in [
            "alpine",
            "alpine:3.22",
            "public.ecr.aws/a/b:latest",
            "localhost:5000/x@sha256:00ff",
        ] {
            assert!(good.parse::<ImageRef>().is_ok(), "{good}");
        }
        for bad in ["", " alpine", "a b", "-x", "a\n", "a;b", "$(x)"] {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }
}
