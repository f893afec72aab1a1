//! The container that fulfils a wish.

use runvoy_core::container::{Container, ContainerWish, Cpu, Memory};
use runvoy_ports::{Unfit, UnfitKind};

use crate::engine::Engine;
use crate::options::DockerOptions;

/// Units of processor time in one processor.
const UNITS_PER_CPU: u32 = 1024;
/// The least memory that Docker takes.
const LEAST_MEMORY: Memory = Memory::from_mib(6);

/// Fills in what was not wished for. `agent` names the agent's program.
pub(crate) fn plan(
    engine: &Engine,
    options: &DockerOptions,
    agent: &str,
    wish: &ContainerWish,
) -> Result<Container, Unfit> {
    let image = wish.image.clone().or_else(|| options.default_image.clone());
    let image = image.ok_or_else(|| {
        let why = "name an image with --image, or start the server with --default-image";
        unfit("image", why.to_owned())
    })?;
    let most = Cpu::from_units(engine.cpus().saturating_mul(UNITS_PER_CPU));
    Ok(Container {
        image,
        architecture: engine.architecture(),
        cpu: cpu(wish.cpu, options.cpu, most)?,
        memory: memory(wish.memory, options.memory, engine.memory())?,
        storage_gib: 0,
        is_spot: false,
        definition: agent.to_owned(),
        role: None,
    })
}

/// A default that is more than there is becomes what there is; a wish does not.
fn cpu(wish: Option<Cpu>, default: Cpu, most: Cpu) -> Result<Cpu, Unfit> {
    match wish {
        None => Ok(default.min(most)),
        Some(wish) if wish <= most => Ok(wish),
        Some(_) => Err(unfit("cpu", format!("this machine has {most}"))),
    }
}

fn memory(wish: Option<Memory>, default: Memory, most: Memory) -> Result<Memory, Unfit> {
    match wish {
        None => Ok(default.min(most)),
        Some(wish) if wish < LEAST_MEMORY => Err(unfit(
            "memory",
            format!("a container needs at least {LEAST_MEMORY}"),
        )),
        Some(wish) if wish <= most => Ok(wish),
        Some(_) => Err(unfit("memory", format!("this machine has {most}"))),
    }
}

fn unfit(field: &'static str, why: String) -> Unfit {
    Unfit {
        field,
        kind: UnfitKind::Invalid,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wished_for_must_be_there_and_what_is_not_is_cut() {
        let (one, two, four) = (
            Cpu::from_units(1024),
            Cpu::from_units(2048),
            Cpu::from_units(4096),
        );
        assert_eq!(cpu(None, four, two), Ok(two));
        assert_eq!(cpu(Some(one), four, two), Ok(one));
        let refused = cpu(Some(four), one, two).unwrap_err();
        assert_eq!(
            (refused.field, refused.why.as_str()),
            ("cpu", "this machine has 2 vCPU")
        );
        let (small, big) = (Memory::from_mib(512), Memory::from_mib(4096));
        assert_eq!(memory(None, big, small), Ok(small));
        assert!(memory(Some(big), small, small).is_err());
        assert!(memory(Some(Memory::from_mib(5)), small, big).is_err());
    }
}
