//! AWS's price list for Fargate on Linux, as data.

/// When the rates below were current.
pub const AS_OF: &str = "2026-08-28";
/// Where AWS publishes them; `current` always leads to the newest.
pub const SOURCE: &str =
    "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonECS/current/region_index.json";

/// What Spot costs of the full price of processors and memory, in per cent: an assumption. AWS moves Spot prices with
/// supply and promises up to 70 % off; 32 to 34 % of the full price were seen, and an estimate should rather err upwards.
pub(super) const SPOT_PERCENT: u32 = 35;

/// Where a region's prices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The region's own price list.
    OfTheRegion,
    /// There is none here: that of another region stands in.
    EstimatedFrom(&'static str),
}

/// Micro-dollars an hour.
#[derive(Debug)]
pub(super) struct Rates {
    region: &'static str,
    /// On ARM.
    pub(super) arm: OfArchitecture,
    /// On x86.
    pub(super) x86: OfArchitecture,
    /// For a gigabyte of disk.
    pub(super) storage: u32,
}

/// Micro-dollars an hour.
#[derive(Debug)]
pub(super) struct OfArchitecture {
    /// For a virtual processor.
    pub(super) cpu: u32,
    /// For a gigabyte of memory.
    pub(super) memory: u32,
}

const fn row(region: &'static str, arm: [u32; 2], x86: [u32; 2], storage: u32) -> Rates {
    let [arm_cpu, arm_memory] = arm;
    let [x86_cpu, x86_memory] = x86;
    Rates {
        region,
        arm: OfArchitecture {
            cpu: arm_cpu,
            memory: arm_memory,
        },
        x86: OfArchitecture {
            cpu: x86_cpu,
            memory: x86_memory,
        },
        storage,
    }
}

/// The price lists that are known; the first stands in for all others.
static RATES: [Rates; 4] = [
    row("us-east-1", [32_380, 3_560], [40_480, 4_445], 111),
    row("us-east-2", [32_380, 3_560], [40_480, 4_445], 111),
    row("eu-west-2", [37_250, 4_090], [46_560, 5_110], 129),
    row("ap-northeast-1", [40_450, 4_420], [50_560, 5_530], 133),
];

/// The rates of a region, or those that stand in for them.
pub(super) fn of_region(region: &str) -> (&'static Rates, Basis) {
    match RATES.iter().find(|rates| rates.region == region) {
        Some(rates) => (rates, Basis::OfTheRegion),
        None => (&RATES[0], Basis::EstimatedFrom(RATES[0].region)),
    }
}
