//! What AWS asks for a Fargate task. Integers only: micro-dollars, seconds, 1024ths of a processor, mebibytes.

mod rates;

use std::time::Duration;

use runvoy_core::container::{Architecture, Container};
use runvoy_core::money::Money;

pub use rates::{AS_OF, Basis, SOURCE};

/// The shortest time that is billed.
const SHORTEST: u64 = 60;
/// Disk that comes with every task, in gibibytes.
const FREE_STORAGE_GIB: u32 = 20;
/// Seconds in the hour that rates are for.
const HOUR: u128 = 3600;
/// 1024ths: of a processor, and mebibytes of a gibibyte.
const PARTS: u128 = 1024;
/// What an hour of a public IPv4 address costs, in every region.
const PUBLIC_IPV4: u128 = 5_000;

/// The price of a task that was billed for so long in `region`, without its public address.
///
/// Billed are whole seconds, at least 60 of them: processors, memory, and disk beyond 20 GB. Rounded half up to a
/// micro-dollar, once, at the end. `None` where it does not fit.
pub fn price(container: &Container, region: &str, billed: Duration) -> Option<Money> {
    let (rates, _) = rates::of_region(region);
    let of_architecture = match container.architecture {
        Architecture::Arm64 => &rates.arm,
        Architecture::X86 => &rates.x86,
    };
    let percent = if container.is_spot {
        rates::SPOT_PERCENT
    } else {
        100
    };
    let processor = u128::from(of_architecture.cpu) * u128::from(container.cpu.units());
    let memory = u128::from(of_architecture.memory) * u128::from(container.memory.mib());
    let beyond = container.storage_gib.saturating_sub(FREE_STORAGE_GIB);
    let storage = u128::from(rates.storage) * u128::from(beyond) * PARTS;
    let hundredths = (processor + memory) * u128::from(percent) + storage * 100;
    half_up(hundredths.checked_mul(seconds(billed))?, 100 * PARTS * HOUR)
}

/// What the task's public IPv4 address costs beside, where it has one.
pub fn public_ipv4(billed: Duration) -> Option<Money> {
    half_up(PUBLIC_IPV4.checked_mul(seconds(billed))?, HOUR)
}

/// Where the prices of a region come from.
pub fn basis(region: &str) -> Basis {
    rates::of_region(region).1
}

/// Seconds that are billed: begun ones count whole.
fn seconds(billed: Duration) -> u128 {
    let begun = u64::from(billed.subsec_nanos() > 0);
    u128::from(billed.as_secs().saturating_add(begun).max(SHORTEST))
}

fn half_up(amount: u128, divisor: u128) -> Option<Money> {
    let micros = amount.checked_add(divisor / 2)? / divisor;
    i64::try_from(micros).ok().map(Money::from_micro_dollars)
}

#[cfg(test)]
mod tests {
    use runvoy_core::container::{Cpu, Memory};

    use super::*;

    fn container(architecture: Architecture, units: u32, mib: u32) -> Container {
        Container {
            image: "alpine:3.22".parse().unwrap(),
            architecture,
            cpu: Cpu::from_units(units),
            memory: Memory::from_mib(mib),
            storage_gib: 20,
            is_spot: false,
            definition: "x".to_owned(),
            role: None,
        }
    }

    fn micros(container: &Container, region: &str, seconds: u64) -> i64 {
        let price = price(container, region, Duration::from_secs(seconds)).unwrap();
        price.micro_dollars()
    }

    #[test]
    fn a_small_arm_task_costs_what_the_bill_says() {
        // (0.25 × $0.03238 + 0.5 × $0.00356) × 90 ÷ 3600 = $0.000246875, rounded to $0.000247
        let small = container(Architecture::Arm64, 256, 512);
        assert_eq!(micros(&small, "us-east-1", 90), 247);
    }

    #[test]
    fn an_hour_of_a_large_task_costs_what_the_bill_says() {
        // 4 × $0.04048 + 8 × $0.004445 = $0.16192 + $0.03556 = $0.19748
        let x86 = container(Architecture::X86, 4096, 8192);
        assert_eq!(micros(&x86, "us-east-1", 3600), 197_480);
        // Tokyo: 4 × $0.05056 + 8 × $0.00553 = $0.20224 + $0.04424 = $0.24648
        assert_eq!(micros(&x86, "ap-northeast-1", 3600), 246_480);
        // London, ARM: 4 × $0.03725 + 8 × $0.00409 = $0.149 + $0.03272 = $0.18172
        let arm = container(Architecture::Arm64, 4096, 8192);
        assert_eq!(micros(&arm, "eu-west-2", 3600), 181_720);
    }

    #[test]
    fn a_minute_is_the_least_and_begun_seconds_are_whole() {
        // (0.25 × $0.03238 + 0.5 × $0.00356) × 60 ÷ 3600 = $0.00016458
        let small = container(Architecture::Arm64, 256, 512);
        for seconds in [0, 1, 59, 60] {
            assert_eq!(micros(&small, "us-east-1", seconds), 165, "{seconds} s");
        }
        // 61 s: $0.00016732
        assert_eq!(micros(&small, "us-east-1", 61), 167);
        let begun = price(&small, "us-east-1", Duration::from_millis(60_001)).unwrap();
        assert_eq!(begun.micro_dollars(), 167);
    }

    #[test]
    fn disk_is_billed_beyond_twenty_gigabytes() {
        // 80 GB × $0.000111 × 1 h = $0.00888 on top of $0.009875
        let mut small = container(Architecture::Arm64, 256, 512);
        assert_eq!(micros(&small, "us-east-1", 3600), 9_875);
        small.storage_gib = 100;
        assert_eq!(micros(&small, "us-east-1", 3600), 9_875 + 8_880);
    }

    #[test]
    fn spot_lowers_processors_and_memory_but_not_disk() {
        // 35 % of $0.009875 = $0.00345625; the disk stays $0.00888
        let mut small = container(Architecture::Arm64, 256, 512);
        small.is_spot = true;
        assert_eq!(micros(&small, "us-east-1", 3600), 3_456);
        small.storage_gib = 100;
        // $0.00345625 + $0.00888 = $0.01233625
        assert_eq!(micros(&small, "us-east-1", 3600), 12_336);
    }

    #[test]
    fn a_region_without_prices_of_its_own_is_estimated_from_the_first() {
        let small = container(Architecture::Arm64, 256, 512);
        assert_eq!(basis("mars-north-1"), Basis::EstimatedFrom("us-east-1"));
        assert_eq!(micros(&small, "mars-north-1", 90), 247);
        assert_eq!(basis("eu-west-2"), Basis::OfTheRegion);
    }

    #[test]
    fn a_public_address_is_half_a_cent_an_hour() {
        let address = |seconds| {
            public_ipv4(Duration::from_secs(seconds))
                .unwrap()
                .micro_dollars()
        };
        assert_eq!(address(3600), 5_000);
        // 90 s: $0.005 × 90 ÷ 3600 = $0.000125
        assert_eq!(address(90), 125);
    }

    #[test]
    fn what_does_not_fit_has_no_price() {
        let large = container(Architecture::X86, u32::MAX, u32::MAX);
        assert_eq!(price(&large, "us-east-1", Duration::MAX), None);
    }
}
