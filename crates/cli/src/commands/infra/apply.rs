//! `runvoy infra apply`.

use runvoy_core::user::UserEmail;
use runvoy_infra::{ApplyRequest, Infra, Plan, Source, parse_parameter};
use serde::Serialize;

use super::{ApplyArguments, admin, ask, show};
use crate::commands;
use crate::environment::ADMIN_EMAIL;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::fields;

/// What a program is told.
#[derive(Debug, Serialize)]
struct Applied {
    project: String,
    account: String,
    region: String,
    api_endpoint: String,
    changed: bool,
}

/// Plans, shows, asks, applies, makes the admin.
pub(super) async fn run(arguments: ApplyArguments, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let email = admin_email(&arguments, app)?;
    let request = request(&arguments)?;
    let infra = show::connect(&arguments.target, app).await?;
    let printer = &app.printer;
    let listener = |progress| show::progress(printer, progress);
    let plan = infra.plan(request, &listener).await?;
    printer.stop_spinner();
    printer.error_data(&show::plan(&plan, arguments.details));
    if arguments.dry_run {
        infra.discard(&plan).await?;
        printer.error_data("Nothing was changed.\n");
        return Ok(ExitStatus::SUCCESS);
    }
    let Some(Agreed(email)) = agreed(&arguments, email, &infra, &plan, app).await? else {
        infra.discard(&plan).await?;
        printer.error_data("Nothing was changed.\n");
        return Ok(ExitStatus::CANCELLED);
    };
    let deployed = infra.apply(plan, &listener).await?;
    printer.stop_spinner();
    let context = admin::settle(
        &infra,
        &deployed.api_url,
        email,
        arguments.new_admin_key,
        app,
    )
    .await?;
    let applied = Applied {
        project: infra.project().to_string(),
        account: infra.account().id.clone(),
        region: infra.account().region.clone(),
        api_endpoint: deployed.api_url,
        changed: deployed.is_changed,
    };
    let status = commands::show(app, &applied, || {
        fields(&[("Endpoint", Some(applied.api_endpoint.clone()))])
    })?;
    printer.error_data(&next_lines(context.as_deref()));
    Ok(status)
}

/// Somebody said yes; and who the admin is to be, where that was said or asked.
struct Agreed(Option<UserEmail>);

/// Asks what is still open; `None` where the answer is no.
async fn agreed(
    arguments: &ApplyArguments,
    email: Option<UserEmail>,
    infra: &Infra,
    plan: &Plan,
    app: &App<'_>,
) -> Result<Option<Agreed>, Failure> {
    let answer = questions(arguments, email, plan, app);
    if answer.is_err() {
        // A change set that nobody executes would stay in the account.
        infra.discard(plan).await?;
    }
    answer
}

fn questions(
    arguments: &ApplyArguments,
    email: Option<UserEmail>,
    plan: &Plan,
    app: &App<'_>,
) -> Result<Option<Agreed>, Failure> {
    let needs_admin = plan.is_new && plan.adopts.is_empty() && email.is_none();
    if needs_admin && (arguments.yes || !ask::is_possible()) {
        return Err(
            Failure::usage("nobody is named who administrates the new deployment").hint(
                "name the first administrator:  --admin-email EMAIL     (or RUNVOY_ADMIN_EMAIL)",
            ),
        );
    }
    let is_question = plan.is_new || !plan.changes.is_empty() || !plan.deletes_first.is_empty();
    if is_question && !arguments.yes && !ask::yes("Apply this?", app)? {
        return Ok(None);
    }
    if needs_admin {
        let typed = ask::text("The first administrator's e-mail address: ", app)?;
        return Ok(Some(Agreed(Some(UserEmail::from_typed(&typed)?))));
    }
    Ok(Some(Agreed(email)))
}

fn admin_email(arguments: &ApplyArguments, app: &App<'_>) -> Result<Option<UserEmail>, Failure> {
    if let Some(email) = &arguments.admin_email {
        return Ok(Some(email.clone()));
    }
    let text = app.environment.text(ADMIN_EMAIL);
    Ok(text.map(UserEmail::from_typed).transpose()?)
}

fn request(arguments: &ApplyArguments) -> Result<ApplyRequest, Failure> {
    let parameters = arguments.parameters.iter();
    let parameters: Result<Vec<_>, _> = parameters.map(|text| parse_parameter(text)).collect();
    let here = std::env::current_dir()
        .map_err(|error| crate::failure::file("read", "the current directory", &error))?;
    Ok(ApplyRequest {
        source: Source::choose(arguments.artifacts.clone(), &here),
        parameters: parameters?,
    })
}

/// The two lines to type next; `context` where it must be named.
fn next_lines(context: Option<&str>) -> String {
    let program = context.map_or_else(
        || "runvoy".to_owned(),
        |name| format!("runvoy --context {name}"),
    );
    format!(
        "Try it:     {program} run \"echo hello world\"\nInvite:     {program} users create EMAIL\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_two_lines_to_type() {
        assert_eq!(next_lines(None).lines().count(), 2);
        assert!(next_lines(Some("staging")).contains("runvoy --context staging run"));
    }
}
