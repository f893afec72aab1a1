//! `runvoy infra destroy`.

use std::fmt::Write as _;

use runvoy_infra::Infra;

use super::{DestroyArguments, ask, show};
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;

/// Asks, stops what runs, deletes.
pub(super) async fn run(arguments: DestroyArguments, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let infra = show::connect(&arguments.target, app).await?;
    let printer = &app.printer;
    let is_deployed = infra.is_deployed().await?;
    let keeps = infra.keeps().await?;
    if !is_deployed && !arguments.delete_data {
        printer.error_data("There is no stack to delete.\n");
        printer.error_data(&kept(&keeps));
        return Ok(ExitStatus::SUCCESS);
    }
    if !agreed(&arguments, &infra, &keeps, app)? {
        printer.error_data("Nothing was deleted.\n");
        return Ok(ExitStatus::CANCELLED);
    }
    let listener = |progress| show::progress(printer, progress);
    if is_deployed {
        infra.destroy(&listener).await?;
    }
    if arguments.delete_data {
        infra.delete_data(&listener).await?;
        printer.stop_spinner();
        printer.done(&format!("Nothing of {} is left", infra.project()));
    } else {
        printer.stop_spinner();
        printer.error_data(&kept(&keeps));
        printer.error_data(
            "Come back:  runvoy infra apply     For good:  runvoy infra destroy --delete-data\n",
        );
    }
    Ok(ExitStatus::SUCCESS)
}

/// Whether somebody means it. Data goes only to those who typed the project's name.
fn agreed(
    arguments: &DestroyArguments,
    infra: &Infra,
    keeps: &[String],
    app: &App<'_>,
) -> Result<bool, Failure> {
    let project = infra.project().as_str();
    if !arguments.delete_data {
        let question = format!("Stop everything that runs and delete the stack {project}?");
        return if arguments.yes {
            Ok(true)
        } else {
            ask::yes(&question, app)
        };
    }
    if let Some(typed) = &arguments.confirm {
        return confirmed(typed, project);
    }
    if !ask::is_possible() {
        return Err(
            Failure::usage("there is no terminal to type the project's name at")
                .hint(format!("the same command with --confirm {project}")),
        );
    }
    app.printer.error_data(&format!(
        "This deletes, with no way back: {}\n",
        escape::field(&keeps.join(", "))
    ));
    let typed = ask::text("Type the project's name to go on: ", app)?;
    confirmed(&typed, project)
}

fn confirmed(typed: &str, project: &str) -> Result<bool, Failure> {
    if typed == project {
        Ok(true)
    } else {
        Err(Failure::usage("that is not the project's name")
            .because_of(format!("the project is {project}"))
            .hint("nothing was deleted"))
    }
}

fn kept(keeps: &[String]) -> String {
    let mut text = String::from("Kept, if it was there:\n");
    for name in keeps {
        // Writing to a string cannot fail.
        writeln!(text, "  {}", escape::field(name)).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_projects_own_name_deletes_its_data() {
        assert!(confirmed("staging", "staging").unwrap());
        for typed in ["", "stagin", "Staging", "yes"] {
            assert!(confirmed(typed, "staging").is_err(), "{typed}");
        }
    }
}
