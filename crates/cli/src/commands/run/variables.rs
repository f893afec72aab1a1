//! The variables that a command gets: files, then `RUNVOY_USER_…`, then `-e`; the later wins. Secrets are apart.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use runvoy_core::environment::EnvName;
use runvoy_wire::secret::Secret;

use super::RunArguments;
use crate::environment::{Environment, USER_PREFIX};
use crate::failure::{self, Failure};

/// Variables by name.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) plain: BTreeMap<String, Secret>,
    pub(super) secret: BTreeMap<String, Secret>,
}

/// Gathers what `arguments` and the environment name.
pub(super) fn gather(
    arguments: &RunArguments,
    environment: &Environment,
) -> Result<Variables, Failure> {
    let mut variables = Variables::default();
    for path in &arguments.env_file {
        read_file(path, &mut variables.plain)?;
    }
    for (name, value) in environment.with_prefix(USER_PREFIX) {
        let value = text(&name, value)?;
        put(&mut variables.plain, &name, value)?;
    }
    for given in &arguments.env {
        match given.split_once('=') {
            Some((name, value)) => put(&mut variables.plain, name, value.to_owned())?,
            None => put(
                &mut variables.plain,
                given,
                callers(given, "-e", environment)?,
            )?,
        }
    }
    for name in &arguments.secret_env {
        if name.contains('=') {
            return Err(Failure::usage(
                "--secret-env takes a name only, so that the value is in no argument list",
            )
            .hint("export the variable first, then pass its name:  --secret-env NAME"));
        }
        let value = callers(name, "--secret-env", environment)?;
        put(&mut variables.secret, name, value)?;
        variables.plain.remove(name);
    }
    Ok(variables)
}

fn put(variables: &mut BTreeMap<String, Secret>, name: &str, value: String) -> Result<(), Failure> {
    let name: EnvName = name.parse()?;
    if value.contains('\0') {
        return Err(Failure::usage(format!(
            "the value of {name} holds a NUL character"
        )));
    }
    variables.insert(name.into(), Secret::new(value));
    Ok(())
}

/// The caller's own value.
fn callers(name: &str, option: &str, environment: &Environment) -> Result<String, Failure> {
    // First, so that a refused name is not called unset.
    name.parse::<EnvName>()?;
    let value = environment.raw(name).ok_or_else(|| {
        Failure::usage(format!("{option} {name}: there is no such variable here"))
            .hint(format!("export {name}=…"))
    })?;
    text(name, value)
}

fn text(name: &str, value: &OsStr) -> Result<String, Failure> {
    let value = value.to_str().map(ToOwned::to_owned);
    value.ok_or_else(|| Failure::usage(format!("the value of {name} is not UTF-8")))
}

/// Reads lines of `K=V`; `#` begins a comment line, `export` may stand before, matching quotes around a value go.
fn read_file(path: &Path, variables: &mut BTreeMap<String, Secret>) -> Result<(), Failure> {
    let content = fs::read_to_string(path).map_err(|error| {
        failure::file("read", path.display(), &error).exits(crate::exit::ExitStatus::USAGE)
    })?;
    for (number, line) in (1..).zip(content.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let at =
            |failure: Failure| failure.because_of(format!("line {number} of {}", path.display()));
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| at(Failure::usage("a line must look like K=V")))?;
        put(variables, name.trim(), unquoted(value.trim()).to_owned()).map_err(at)?;
    }
    Ok(())
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(arguments: &RunArguments, variables: &[(&str, &str)]) -> Result<String, Failure> {
        let gathered = gather(arguments, &Environment::of(variables))?;
        let shown = |variables: BTreeMap<String, Secret>| {
            let pairs = variables.iter();
            let pairs = pairs.map(|(name, value)| format!("{name}={}", value.expose()));
            pairs.collect::<Vec<_>>().join(" ")
        };
        Ok(format!(
            "{} | {}",
            shown(gathered.plain),
            shown(gathered.secret)
        ))
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_nearer_source_wins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("env");
        fs::write(
            &path,
            "# comment\nA=file\nexport B=\"two words\"\n\nC='c'\nD=x=y\n",
        )
        .unwrap();
        let arguments = RunArguments {
            env: words(&["A=flag", "HOME", "E="]),
            env_file: vec![path],
            secret_env: words(&["C"]),
            ..RunArguments::default()
        };
        let here = [
            ("RUNVOY_USER_A", "user"),
            ("RUNVOY_USER_F", "f"),
            ("HOME", "/h"),
            ("C", "s"),
        ];
        assert_eq!(
            gathered(&arguments, &here).unwrap(),
            "A=flag B=two words D=x=y E= F=f HOME=/h | C=s"
        );
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused() {
        for (env, secret) in [
            ("1A=x", ""),
            ("RUNVOY_X=1", ""),
            ("MISSING", ""),
            ("", "K=V"),
            ("", "MISSING"),
        ] {
            let arguments = RunArguments {
                env: words(&[env])
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect(),
                secret_env: words(&[secret])
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect(),
                ..RunArguments::default()
            };
            assert!(gathered(&arguments, &[]).is_err(), "{env} {secret}");
        }
    }
}
