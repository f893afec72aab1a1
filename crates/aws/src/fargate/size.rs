//! Which sizes Fargate has: how much memory goes with how much processor time.

use runvoy_core::container::{Cpu, Memory};
use runvoy_ports::{Unfit, UnfitKind};

/// One row of Fargate's table: memory from `least` to `most` in steps, all in mebibytes.
struct Row {
    units: u32,
    least: u32,
    most: u32,
    step: u32,
}

const GIB: u32 = 1024;

/// Fargate's table for Linux.
const TABLE: [Row; 7] = [
    Row {
        units: 256,
        least: 512,
        most: 2 * GIB,
        step: 0,
    },
    Row {
        units: 512,
        least: GIB,
        most: 4 * GIB,
        step: GIB,
    },
    Row {
        units: 1024,
        least: 2 * GIB,
        most: 8 * GIB,
        step: GIB,
    },
    Row {
        units: 2048,
        least: 4 * GIB,
        most: 16 * GIB,
        step: GIB,
    },
    Row {
        units: 4096,
        least: 8 * GIB,
        most: 30 * GIB,
        step: GIB,
    },
    Row {
        units: 8192,
        least: 16 * GIB,
        most: 60 * GIB,
        step: 4 * GIB,
    },
    Row {
        units: 16384,
        least: 32 * GIB,
        most: 120 * GIB,
        step: 8 * GIB,
    },
];

impl Row {
    fn has(&self, mib: u32) -> bool {
        if !(self.least..=self.most).contains(&mib) {
            return false;
        }
        match self.step {
            // The smallest processor: memory doubles.
            0 => mib.is_power_of_two(),
            step => (mib - self.least).is_multiple_of(step),
        }
    }

    fn offer(&self) -> String {
        let (least, most) = (Memory::from_mib(self.least), Memory::from_mib(self.most));
        match self.step {
            0 => "512 MB, 1 GB or 2 GB".to_owned(),
            step => format!("{least} to {most} in steps of {}", Memory::from_mib(step)),
        }
    }
}

/// The size that fulfils the wish: both as asked, or one as asked with the smallest of the other that goes with it.
pub(super) fn choose(cpu: Option<Cpu>, memory: Option<Memory>) -> Result<(Cpu, Memory), Unfit> {
    let row = match (cpu, memory) {
        (Some(cpu), _) => row_of(cpu)?,
        (None, Some(memory)) => row_for(memory)?,
        (None, None) => &TABLE[0],
    };
    let memory = memory.unwrap_or(Memory::from_mib(row.least));
    if row.has(memory.mib()) {
        return Ok((Cpu::from_units(row.units), memory));
    }
    let cpu = Cpu::from_units(row.units);
    let why = format!("with {cpu} AWS Fargate has {}, not {memory}", row.offer());
    Err(invalid("memory", why))
}

fn row_of(cpu: Cpu) -> Result<&'static Row, Unfit> {
    TABLE
        .iter()
        .find(|row| row.units == cpu.units())
        .ok_or_else(|| {
            let offered: Vec<String> = TABLE
                .iter()
                .map(|row| Cpu::from_units(row.units).to_string())
                .collect();
            let why = format!("AWS Fargate has {}, not {cpu}", offered.join(", "));
            invalid("cpu", why)
        })
}

fn row_for(memory: Memory) -> Result<&'static Row, Unfit> {
    TABLE.iter().find(|row| row.has(memory.mib())).ok_or_else(|| {
        let why = format!(
            "AWS Fargate has 512 MB, 1 GB to 30 GB in steps of 1 GB, 32 GB to 60 GB in steps of 4 GB, and 64 GB to 120 GB in steps of 8 GB, not {memory}"
        );
        invalid("memory", why)
    })
}

fn invalid(field: &'static str, why: String) -> Unfit {
    Unfit {
        field,
        kind: UnfitKind::Invalid,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(units: Option<u32>, mib: Option<u32>) -> Result<(u32, u32), String> {
        let chosen = choose(units.map(Cpu::from_units), mib.map(Memory::from_mib));
        chosen
            .map(|(cpu, memory)| (cpu.units(), memory.mib()))
            .map_err(|unfit| unfit.why)
    }

    #[test]
    fn what_is_not_asked_for_is_the_smallest_that_fits() {
        assert_eq!(chosen(None, None), Ok((256, 512)));
        assert_eq!(chosen(Some(1024), None), Ok((1024, 2048)));
        assert_eq!(chosen(Some(16384), None), Ok((16384, 32768)));
        assert_eq!(chosen(None, Some(3072)), Ok((512, 3072)));
        assert_eq!(chosen(None, Some(30720)), Ok((4096, 30720)));
        assert_eq!(chosen(None, Some(32768)), Ok((8192, 32768)));
        assert_eq!(chosen(None, Some(122_880)), Ok((16384, 122_880)));
    }

    #[test]
    fn every_size_of_the_table_can_be_had() {
        let mut sizes = 0;
        for units in [256, 512, 1024, 2048, 4096, 8192, 16384] {
            for mib in (512..=122_880).step_by(512) {
                if chosen(Some(units), Some(mib)) == Ok((units, mib)) {
                    sizes += 1;
                }
            }
        }
        // 3 + 4 + 7 + 13 + 23 + 12 + 12, as AWS's documentation lists them.
        assert_eq!(sizes, 74);
    }

    #[test]
    fn what_cannot_be_had_says_what_can() {
        assert_eq!(
            chosen(Some(256), Some(4096)).unwrap_err(),
            "with 0.25 vCPU AWS Fargate has 512 MB, 1 GB or 2 GB, not 4 GB"
        );
        assert_eq!(
            chosen(Some(1024), Some(1024)).unwrap_err(),
            "with 1 vCPU AWS Fargate has 2 GB to 8 GB in steps of 1 GB, not 1 GB"
        );
        assert_eq!(
            chosen(Some(3072), None).unwrap_err(),
            "AWS Fargate has 0.25 vCPU, 0.5 vCPU, 1 vCPU, 2 vCPU, 4 vCPU, 8 vCPU, 16 vCPU, not 3 vCPU"
        );
        assert!(chosen(None, Some(600)).unwrap_err().contains("not 600 MB"));
        assert!(chosen(None, Some(31 * 1024)).is_err() && chosen(None, Some(200 * 1024)).is_err());
        assert!(chosen(Some(8192), Some(18 * 1024)).is_err());
    }
}
