//! What a person sees of a deployment: whose account it is, what would change, and how it goes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use runvoy_infra::{
    Access, Change, ChangeKind, ErrorKind, Infra, InfraError, Pace, Plan, Progress, ResourceEvent,
};

use super::Target;
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::App;
use crate::table::fields;

/// The most changes that are listed unasked.
const FEW: usize = 12;

impl From<InfraError> for Failure {
    fn from(error: InfraError) -> Self {
        let status = match error.kind {
            ErrorKind::Input => ExitStatus::USAGE,
            ErrorKind::Denied => ExitStatus::NOT_PERMITTED,
            ErrorKind::Failed => ExitStatus::FAILED,
        };
        let mut failure = Self::new(error.message).exits(status);
        failure.causes = error.causes;
        failure.hints = error.hints;
        failure
    }
}

/// Finds the account and says whose it is, before anything else.
pub(super) async fn connect(target: &Target, app: &App<'_>) -> Result<Infra, Failure> {
    let project = target.project.parse()?;
    let access = Access {
        profile: target.profile.clone(),
        region: target.region.clone(),
    };
    app.printer.spin("asking AWS whose credentials these are");
    let infra = Infra::connect(&access, project, pace(app)).await?;
    app.printer.stop_spinner();
    let account = infra.account();
    app.printer.error_data(&fields(&[
        ("Account", Some(account.id.clone())),
        ("Region", Some(account.region.clone())),
        ("Caller", Some(account.caller.clone())),
        ("Project", Some(infra.project().to_string())),
    ]));
    Ok(infra)
}

/// AWS takes its time, and counts how often it is asked. What stands in for it on this machine does neither.
fn pace(app: &App<'_>) -> Pace {
    let is_override = app.environment.get("AWS_ENDPOINT_URL").is_some();
    if is_override {
        Pace(Duration::from_millis(100))
    } else {
        Pace::default()
    }
}

/// Shows progress as it comes.
pub(super) fn progress(printer: &Printer, progress: Progress) {
    match progress {
        Progress::Doing(text) if printer.style().err_draws => printer.spin(&text),
        Progress::Doing(text) => printer.error_data(&format!("… {}\n", escape::field(&text))),
        Progress::Done(text) => {
            printer.stop_spinner();
            printer.done(&escape::field(&text));
        }
        Progress::Warning(text) => printer.warning(&text),
        Progress::Resource(event) => {
            if event.status.ends_with("_IN_PROGRESS") {
                printer.spin(&format!("{}: {}", event.logical_id, event.status));
            } else {
                printer.error_data(&resource_line(&event));
            }
        }
    }
}

fn resource_line(event: &ResourceEvent) -> String {
    let mark = if event.is_failure() { "✗" } else { "✓" };
    let reason = event.reason.as_deref().filter(|_| event.is_failure());
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let line = format!(
        "{} ({}) {}{reason}",
        event.logical_id, event.resource_type, event.status
    );
    format!("  {mark} {}\n", escape::field(&line))
}

/// The whole plan in words.
pub(super) fn plan(plan: &Plan, has_details: bool) -> String {
    let mut text = String::from("\n");
    for (name, status) in &plan.deletes_first {
        line(
            &mut text,
            &format!("The stack {name} was never made whole ({status}) and is deleted first."),
        );
    }
    text.push_str(&changes(&plan.changes, plan.is_new, has_details));
    if !plan.adopts.is_empty() {
        line(
            &mut text,
            &format!("Taken over as they are: {}", plan.adopts.join(", ")),
        );
    }
    if plan.is_new || !plan.changes.is_empty() {
        line(&mut text, &format!("Cost when idle:  {}", plan.cost.idle));
        line(
            &mut text,
            &format!("Cost of a run:   {}", plan.cost.per_run),
        );
    }
    text
}

/// What changes: how many of what, and each one where they are few, dangerous, or asked for.
fn changes(changes: &[Change], is_new: bool, has_details: bool) -> String {
    if changes.is_empty() {
        return "Nothing changes.\n".to_owned();
    }
    let mut text = String::new();
    let mut by_kind: BTreeMap<ChangeKind, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        by_kind.entry(change.kind).or_default().push(change);
    }
    for (kind, some) in by_kind {
        let count = some.len();
        let up_to = if is_new && kind == ChangeKind::Add {
            "up to "
        } else {
            ""
        };
        line(
            &mut text,
            &format!(
                "{} {up_to}{count} {}: {}",
                verb(kind),
                resources(count),
                services(&some)
            ),
        );
        let is_dangerous = matches!(kind, ChangeKind::Replace | ChangeKind::Remove);
        if has_details || is_dangerous || (!is_new && changes.len() <= FEW) {
            for change in some {
                let sign = sign(kind);
                line(
                    &mut text,
                    &format!("  {sign} {} ({})", change.logical_id, change.resource_type),
                );
            }
        }
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{}", escape::field(line)).ok();
}

const fn verb(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Add => "Creates",
        ChangeKind::Modify => "Changes",
        ChangeKind::Replace => "May replace",
        ChangeKind::Import => "Takes over",
        ChangeKind::Remove => "Removes",
    }
}

const fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Add => '+',
        ChangeKind::Modify => '~',
        ChangeKind::Replace => '!',
        ChangeKind::Import => '=',
        ChangeKind::Remove => '-',
    }
}

const fn resources(count: usize) -> &'static str {
    if count == 1 { "resource" } else { "resources" }
}

/// How many of which service, the most first: `Lambda 14, DynamoDB 10`.
fn services(changes: &[&Change]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for change in changes {
        let service = change.resource_type.split("::").nth(1);
        *counts.entry(service.unwrap_or("other")).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let words = counts.iter().map(|(name, count)| format!("{name} {count}"));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ChangeKind, logical_id: &str, resource_type: &str) -> Change {
        Change {
            kind,
            logical_id: logical_id.to_owned(),
            resource_type: resource_type.to_owned(),
        }
    }

    fn mixed() -> Vec<Change> {
        vec![
            change(ChangeKind::Modify, "ApiFunction", "AWS::Lambda::Function"),
            change(ChangeKind::Modify, "AgentFunction", "AWS::Lambda::Function"),
            change(ChangeKind::Add, "ErrorsAlarm", "AWS::CloudWatch::Alarm"),
            change(ChangeKind::Replace, "Cluster", "AWS::ECS::Cluster"),
        ]
    }

    #[test]
    fn few_changes_are_listed() {
        insta::assert_snapshot!(changes(&mixed(), false, false), @r"
        Creates 1 resource: CloudWatch 1
          + ErrorsAlarm (AWS::CloudWatch::Alarm)
        Changes 2 resources: Lambda 2
          ~ ApiFunction (AWS::Lambda::Function)
          ~ AgentFunction (AWS::Lambda::Function)
        May replace 1 resource: ECS 1
          ! Cluster (AWS::ECS::Cluster)
        ");
    }

    #[test]
    fn many_are_counted_but_for_what_is_lost() {
        let mut many: Vec<Change> = (0..20)
            .map(|n| {
                change(
                    ChangeKind::Modify,
                    &format!("F{n}"),
                    "AWS::Lambda::Function",
                )
            })
            .collect();
        many.push(change(ChangeKind::Remove, "Old", "AWS::SQS::Queue"));
        insta::assert_snapshot!(changes(&many, false, false), @r"
        Changes 20 resources: Lambda 20
        Removes 1 resource: SQS 1
          - Old (AWS::SQS::Queue)
        ");
        assert_eq!(changes(&many, false, true).lines().count(), 2 + 21);
    }

    #[test]
    fn a_new_deployment_is_summed_up() {
        let new = [
            change(ChangeKind::Add, "A", "AWS::Lambda::Function"),
            change(ChangeKind::Add, "B", "AWS::DynamoDB::Table"),
            change(ChangeKind::Add, "C", "AWS::Lambda::Url"),
            change(ChangeKind::Import, "D", "AWS::DynamoDB::Table"),
        ];
        insta::assert_snapshot!(changes(&new, true, false), @r"
        Creates up to 3 resources: Lambda 2, DynamoDB 1
        Takes over 1 resource: DynamoDB 1
        ");
        assert_eq!(changes(&[], false, true), "Nothing changes.\n");
    }
}
