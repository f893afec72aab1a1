//! Starts the command: verbatim, in a process group of its own, with nothing to read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeWriter};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runvoy_core::id::AttemptId;
use runvoy_wire::agent::{EXECUTION_VARIABLE, Spec};
use rustix::process::Pid;

use crate::elf;

/// Where programs are looked for without a `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The code of a command that is not there.
const NOT_FOUND: i32 = 127;
/// The code of a command that is there but cannot be executed.
const NOT_EXECUTABLE: i32 = 126;

/// Why there is no process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotStarted {
    /// It is the command's fault: it counts as ended with this code, for this reason.
    Command(i32, String),
    /// It is the place's fault.
    Place(String),
}

/// Starts the command of `spec` and answers its process, which is also its group.
pub(crate) fn start(
    spec: &Spec,
    attempt: &AttemptId,
    inherited: &BTreeMap<OsString, OsString>,
    stdout: PipeWriter,
    stderr: PipeWriter,
) -> Result<Pid, NotStarted> {
    let workdir = Path::new(spec.workdir.as_deref().unwrap_or("."));
    if !workdir.is_dir() {
        let shown = workdir.display();
        return Err(NotStarted::Place(format!(
            "the working directory {shown} does not exist"
        )));
    }
    let environment = environment(spec, attempt, inherited);
    let argv = argv(spec)?;
    let path = resolve(&argv[0], environment.get(OsStr::new("PATH")), workdir)?;
    let mut command = Command::new(&path);
    command
        .arg0(&argv[0])
        .args(&argv[1..])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0);
    if spec.workdir.is_some() {
        command.current_dir(workdir);
    }
    let file = workdir.join(path);
    let refusal = |error| refusal(&argv[0], &file, &error);
    let child = command.spawn().map_err(refusal)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| NotStarted::Place("the process has no number".to_owned()))
}

fn argv(spec: &Spec) -> Result<Vec<String>, NotStarted> {
    match (&spec.script, &spec.argv) {
        (Some(script), None) => Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()]),
        (None, Some(argv)) if !argv.is_empty() => Ok(argv.clone()),
        _ => Err(NotStarted::Place(
            "the control plane sent no command".to_owned(),
        )),
    }
}

fn environment(
    spec: &Spec,
    attempt: &AttemptId,
    inherited: &BTreeMap<OsString, OsString>,
) -> BTreeMap<OsString, OsString> {
    let mut environment = inherited.clone();
    let given = spec.env.iter().chain(&spec.secrets);
    environment.extend(given.map(|(name, value)| (name.into(), value.expose().into())));
    environment.insert(
        EXECUTION_VARIABLE.into(),
        attempt.execution().as_str().into(),
    );
    environment
}

/// Finds the program as a shell would, in the command's `PATH` and seen from its directory.
fn resolve(program: &str, path: Option<&OsString>, workdir: &Path) -> Result<PathBuf, NotStarted> {
    if program.contains('/') {
        return Ok(program.into());
    }
    let default = OsString::from(DEFAULT_PATH);
    let mut unusable = None;
    for dir in std::env::split_paths(path.unwrap_or(&default)) {
        let candidate = dir.join(program);
        let Ok(metadata) = workdir.join(&candidate).metadata() else {
            continue;
        };
        if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
            // A bare name would be looked for again.
            return Ok(if candidate.is_absolute() {
                candidate
            } else {
                Path::new(".").join(candidate)
            });
        }
        unusable.get_or_insert(candidate);
    }
    Err(match unusable {
        Some(found) => NotStarted::Command(
            NOT_EXECUTABLE,
            format!("{} is not executable", found.display()),
        ),
        None => NotStarted::Command(NOT_FOUND, format!("{program}: command not found")),
    })
}

fn refusal(program: &str, file: &Path, error: &io::Error) -> NotStarted {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let not_executable =
        |why: &str| NotStarted::Command(NOT_EXECUTABLE, format!("{program}: {why}"));
    match errno {
        Some(Errno::NOENT | Errno::NOTDIR) if Path::new(program).exists() => NotStarted::Command(
            NOT_FOUND,
            format!("{program}: its interpreter was not found"),
        ),
        Some(Errno::NOENT | Errno::NOTDIR) => {
            NotStarted::Command(NOT_FOUND, format!("{program}: command not found"))
        }
        Some(Errno::NOEXEC) => not_executable(&foreign(file)),
        Some(Errno::ACCESS | Errno::PERM | Errno::ISDIR) => not_executable("not executable"),
        Some(Errno::TXTBSY | Errno::LOOP | Errno::NAMETOOLONG | Errno::TOOBIG | Errno::INVAL) => {
            not_executable(&error.to_string())
        }
        _ if error.kind() == io::ErrorKind::InvalidInput => not_executable(&error.to_string()),
        _ => NotStarted::Place(format!("{program} could not be started: {error}")),
    }
}

/// Why the kernel cannot execute a file that is there and executable.
fn foreign(file: &Path) -> String {
    let own = elf::own();
    match elf::architecture(file) {
        Some(its) if its != own => format!("a program for {its}, and this place is {own}"),
        Some(_) => "a broken program".to_owned(),
        None => "no program: it has no #! line, or its interpreter is for another architecture"
            .to_owned(),
    }
}
