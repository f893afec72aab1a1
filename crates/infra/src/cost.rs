//! What a deployment costs, roughly, so that nobody is surprised.

use crate::template::{Resource, count_types};

/// A month's alarm, in cents of a US dollar.
const CENTS_PER_ALARM: usize = 10;
/// A month of looking after things once a minute, of alarms' metrics and of a few megabytes kept: about this much.
const CENTS_FOR_THE_REST: usize = 50;

/// Prices of us-east-1; other regions differ by some percent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Of a month in which nothing runs.
    pub idle: String,
    /// Of one run.
    pub per_run: String,
}

impl Cost {
    /// Of what is made of these resources.
    pub(crate) fn of(resources: &[Resource]) -> Self {
        let alarms = count_types(resources)
            .get("AWS::CloudWatch::Alarm")
            .copied()
            .unwrap_or(0);
        let cents = alarms * CENTS_PER_ALARM + CENTS_FOR_THE_REST;
        Self {
            idle: format!(
                "at most about ${}.{:02} a month, most of it for {alarms} alarms (the first ten of an account are free)",
                cents / 100,
                cents % 100
            ),
            per_run:
                "about $0.0004 for 90 seconds at 0.25 vCPU and 0.5 GB on ARM, with a public address"
                    .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_counted() {
        let alarm = Resource {
            logical_id: "A".to_owned(),
            type_name: "AWS::CloudWatch::Alarm".to_owned(),
            is_conditional: false,
        };
        let cost = Cost::of(&vec![alarm; 9]);
        assert!(
            cost.idle.contains("$1.40") && cost.idle.contains("9 alarms"),
            "{}",
            cost.idle
        );
    }
}
