//! `runvoy completion`: what makes a shell complete runvoy's commands and options.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell as Generator;

use crate::arguments::Arguments;
use crate::exit::ExitStatus;
use crate::printer::Printer;

const EXAMPLES: &str = "\
Prints a script that the shell reads once. Where each shell looks for it:

  bash (with its package bash-completion)
    mkdir -p ~/.local/share/bash-completion/completions
    runvoy completion bash > ~/.local/share/bash-completion/completions/runvoy

  zsh (with `fpath=(~/.zfunc $fpath)` before `autoload -Uz compinit && compinit` in ~/.zshrc)
    mkdir -p ~/.zfunc
    runvoy completion zsh > ~/.zfunc/_runvoy

  fish
    mkdir -p ~/.config/fish/completions
    runvoy completion fish > ~/.config/fish/completions/runvoy.fish

  PowerShell (at the end of the file that $PROFILE names)
    runvoy completion powershell | Out-String | Invoke-Expression

Examples:
  runvoy completion zsh > ~/.zfunc/_runvoy
  runvoy completion fish | source            for this shell alone";

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionArguments {
    /// The shell that is to complete
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// A shell that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// Prints the shell's script. Reads no settings: a shell that starts must not stumble over them.
pub(crate) fn run(arguments: &CompletionArguments, printer: &Printer) -> ExitStatus {
    let generator = match arguments.shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
        Shell::Powershell => Generator::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut shown(), "runvoy", &mut script);
    printer.data(&String::from_utf8_lossy(&script));
    ExitStatus::SUCCESS
}

/// The command line as its help shows it; the generators would offer what is hidden, too.
fn shown() -> clap::Command {
    let whole = Arguments::command();
    let commands = whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    clap::Command::new("runvoy")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments().cloned())
        .subcommands(commands.cloned())
}
