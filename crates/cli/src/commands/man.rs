//! `runvoy man`: the manual pages, one a command. Hidden from the help, for those who package runvoy.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Examples:
  runvoy man ~/.local/share/man/man1
  man runvoy-run";

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArguments {
    /// The directory of the pages; it is made where it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes a page for each command. Reads no settings: packages are built where there are none.
pub(crate) fn run(arguments: &ManArguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let directory = &arguments.directory;
    let mut root = Arguments::command().disable_help_subcommand(true);
    root.build();
    fs::create_dir_all(directory)
        .and_then(|()| write(root, directory))
        .map_err(|error| {
            let shown = directory.display();
            Failure::new(format!("the manual pages cannot be written to {shown}")).because(&error)
        })?;
    printer.done(&format!(
        "Wrote the manual pages to {}",
        directory.display()
    ));
    Ok(ExitStatus::SUCCESS)
}

/// The page of a command and those of the commands below it, but the hidden ones.
fn write(command: Command, directory: &Path) -> io::Result<()> {
    for below in command.get_subcommands() {
        if !below.is_hide_set() {
            write(below.clone(), directory)?;
        }
    }
    let page = Man::new(command)
        // The same sources make the same pages; an empty date would leave its place to what follows.
        .date(" ")
        .source(concat!("runvoy ", env!("CARGO_PKG_VERSION")))
        .manual("runvoy");
    page.generate_to(directory)?;
    Ok(())
}
