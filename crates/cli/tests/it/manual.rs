//! The manual pages.

use std::collections::BTreeSet;
use std::fs;

use crate::home::Home;

fn pages(home: &Home) -> BTreeSet<String> {
    let entries = fs::read_dir(home.path("man/man1")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn each_command_that_help_shows_has_a_page_and_no_other() {
    let home = Home::new();
    let output = home.run(&["man", "man/man1"]);
    assert!(output.status.success(), "{output:?}");
    let pages = pages(&home);
    for name in [
        "runvoy",
        "runvoy-run",
        "runvoy-locks-release",
        "runvoy-server-reset-admin",
    ] {
        assert!(pages.contains(&format!("{name}.1")), "{pages:?}");
    }
    assert!(!pages.contains("runvoy-man.1"), "{pages:?}");

    let help = String::from_utf8(home.run(&["--help"]).stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        assert!(
            pages.contains(&format!("runvoy-{command}.1")),
            "{command} has no page"
        );
    }
}

#[test]
fn a_page_has_the_options_and_the_examples() {
    let home = Home::new();
    home.run(&["man", "man/man1"]);
    let page = fs::read_to_string(home.path("man/man1/runvoy-run.1")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let title = format!(".TH runvoy-run 1 \" \" \"runvoy {version}\" runvoy");
    assert!(page.contains(&title), "{page}");
    assert!(
        page.contains("\\-\\-lock\\-timeout") && page.contains("Examples:"),
        "{page}"
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let home = Home::new();
    fs::write(home.path("file"), "").unwrap();
    let shown = home.shown(&["man", "file/man1"]);
    assert!(shown.starts_with("exit: 125\n"), "{shown}");
    assert!(
        shown.contains("the manual pages cannot be written to file/man1"),
        "{shown}"
    );
}
