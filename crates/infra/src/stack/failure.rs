//! Which resource failed first, and what to change about it.

use super::StackFailure;
use crate::error::{ADMIN_POLICY, InfraError};
use crate::progress::ResourceEvent;

/// What follows from the first failure is no cause.
const FOLLOWS: [&str; 3] = [
    "cancelled",
    "The following resource(s) failed",
    "Rollback requested",
];

/// The first resource that failed by itself; `events` oldest first.
pub(super) fn first_failure(events: &[ResourceEvent]) -> Option<&ResourceEvent> {
    let mut failures = events.iter().filter(|event| event.is_failure());
    let is_cause = |event: &&ResourceEvent| {
        let reason = event.reason.as_deref().unwrap_or_default();
        !FOLLOWS.iter().any(|words| reason.contains(words))
    };
    failures.clone().find(is_cause).or_else(|| failures.next())
}

impl StackFailure {
    /// In words: which resource, why, and what to change.
    pub(crate) fn into_error(self, message: &str) -> InfraError {
        let mut error = InfraError::failed(message);
        if let Some(first) = &self.first {
            let reason = first
                .reason
                .as_deref()
                .unwrap_or("CloudFormation does not say why");
            error = error.because(format!(
                "{} ({}): {reason}",
                first.logical_id, first.resource_type
            ));
            for line in advice(&first.resource_type, reason) {
                error = error.hint(line);
            }
        }
        let error = error.because(format!("the stack is now {}", self.status));
        if self.status.contains("ROLLBACK_COMPLETE") {
            error.hint("everything is as it was before; then type the same again")
        } else {
            error.hint("see the rest:  runvoy infra status")
        }
    }
}

/// What to change, by what AWS says of the resource.
fn advice(resource_type: &str, reason: &str) -> Vec<String> {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let line = if has(&["not authorized", "AccessDenied", "UnauthorizedOperation"]) {
        format!("the credentials lack a permission; all that is needed stands in {ADMIN_POLICY}")
    } else if has(&[
        "UnreservedConcurrentExecution",
        "ReservedConcurrentExecutions",
    ]) {
        "the account has too little Lambda concurrency to reserve any: leave ReservedConcurrency unset, or ask for more under Service Quotas".to_owned()
    } else if has(&["already exists", "AlreadyExists"]) {
        "something of this name is there and belongs to no stack: delete it, or choose another name with --project".to_owned()
    } else if resource_type == "AWS::EC2::VPC" && has(&["limit", "Limit", "maximum number"]) {
        "the region has no room for another VPC: give one that is there with its subnets (--parameter ExistingVpcId=… --parameter SubnetIds=…)".to_owned()
    } else if has(&["limit", "Limit", "quota", "Quota", "exceeded"]) {
        "a limit of the account is reached: ask for more under Service Quotas, or free some"
            .to_owned()
    } else if has(&[
        "service linked role",
        "service-linked role",
        "ServiceLinkedRole",
    ]) {
        "ECS's role was made just now and is not known everywhere yet: wait a minute".to_owned()
    } else if resource_type == "AWS::Lambda::Url" || has(&["FunctionUrl"]) {
        "Function URLs may be forbidden by a policy of the organization, or missing in the region: ask its admin, or choose another --region".to_owned()
    } else if has(&[
        "does not exist",
        "NotFound",
        "InvalidSubnet",
        "InvalidGroup",
        "not found",
    ]) {
        "a resource that a parameter names is not there: check the values of --parameter".to_owned()
    } else {
        return Vec::new();
    };
    vec![line]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(logical_id: &str, status: &str, reason: Option<&str>) -> ResourceEvent {
        ResourceEvent {
            id: String::new(),
            logical_id: logical_id.to_owned(),
            resource_type: "AWS::Lambda::Function".to_owned(),
            status: status.to_owned(),
            reason: reason.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn the_first_failure_is_the_cause_and_not_what_it_cancelled() {
        let events = [
            event("A", "CREATE_COMPLETE", None),
            event("B", "CREATE_FAILED", Some("Resource creation cancelled")),
            event("C", "CREATE_FAILED", Some("quota exceeded")),
            event("D", "CREATE_FAILED", Some("something else")),
        ];
        assert_eq!(first_failure(&events).unwrap().logical_id, "C");
        assert_eq!(first_failure(&events[..2]).unwrap().logical_id, "B");
        assert_eq!(first_failure(&events[..1]), None);
    }

    #[test]
    fn a_known_reason_says_what_to_change() {
        for (reason, expected) in [
            (
                "User x is not authorized to perform: iam:CreateRole",
                "admin-policy.json",
            ),
            ("acme-users already exists in stack", "--project"),
            (
                "Specified ReservedConcurrentExecutions for function decreases",
                "unset",
            ),
            ("LimitExceeded: too many functions", "Service Quotas"),
            ("The subnet ID 'subnet-1' does not exist", "--parameter"),
        ] {
            let failure = StackFailure {
                status: "ROLLBACK_COMPLETE".to_owned(),
                first: Some(Box::new(event("Api", "CREATE_FAILED", Some(reason)))),
            };
            let error = failure.into_error("the deployment failed");
            assert!(
                error.hints[0].contains(expected),
                "{reason}: {:?}",
                error.hints
            );
            assert!(error.causes[0].contains(reason) && error.causes[0].starts_with("Api "));
        }
    }

    #[test]
    fn an_unknown_reason_is_passed_on() {
        assert!(advice("AWS::S3::Bucket", "strange").is_empty());
    }
}
