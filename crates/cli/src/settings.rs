//! What a command works with: flag, else environment, else configuration file, else default.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use runvoy_core::duration;
use secrecy::SecretString;

use crate::arguments::{Format, Globals};
use crate::config_file::{ConfigFile, Context, DEFAULT_CONTEXT, check_context_name};
use crate::environment::{API_KEY, CA_FILE, CONTEXT, ENDPOINT, Environment};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::time::Clock;

/// How long a command waits where nothing else is said.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_mins(10);

/// Whether the context that was asked for must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextNeed {
    /// It is used.
    Existing,
    /// It may be made by this very command.
    MayBeNew,
}

/// Everything a command works with.
pub(crate) struct App<'a> {
    /// The caller's environment.
    pub(crate) environment: &'a Environment,
    /// What was resolved.
    pub(crate) settings: Settings,
    /// The way to print.
    pub(crate) printer: Arc<Printer>,
}

/// What was resolved, once.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct Settings {
    pub(crate) output: Format,
    pub(crate) clock: Clock,
    pub(crate) is_verbose: bool,
    pub(crate) is_debugging: bool,
    pub(crate) is_insecure: bool,
    pub(crate) is_local: bool,
    /// As given, by flag or context.
    pub(crate) timeout: Option<Duration>,
    /// The context in use.
    pub(crate) context: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) api_key: Option<SecretString>,
    /// A file of further TLS roots.
    pub(crate) ca_file: Option<PathBuf>,
    /// The configuration file; none under `--local`, and none without a home.
    pub(crate) config: Option<ConfigFile>,
}

impl Settings {
    /// Resolves `globals`; reads the configuration file unless `--local` makes it irrelevant.
    pub(crate) fn resolve(
        globals: &Globals,
        environment: &Environment,
        printer: &Printer,
        need: ContextNeed,
    ) -> Result<Self, Failure> {
        let config = match ConfigFile::path_of(environment) {
            Some(path) if !globals.local => Some(ConfigFile::read(path)?),
            _ => None,
        };
        if let Some(warning) = config.as_ref().and_then(ConfigFile::warning) {
            printer.warning(&warning);
        }
        let asked = globals
            .context
            .as_deref()
            .or_else(|| environment.text(CONTEXT));
        asked.map_or(Ok(()), check_context_name)?;
        let name = asked
            .or_else(|| config.as_ref()?.current())
            .unwrap_or(DEFAULT_CONTEXT)
            .to_owned();
        let found = config.as_ref().and_then(|config| config.context(&name));
        if found.is_none()
            && name != DEFAULT_CONTEXT
            && need == ContextNeed::Existing
            && !globals.local
        {
            return Err(Failure::usage(format!("there is no context {name}"))
                .hint("see which there are:  runvoy context list"));
        }
        let context = found.unwrap_or_default();
        let timeout = match globals.timeout {
            Some(given) => Some(given),
            None => timeout_of(&context)?,
        };
        let from_environment = |name| environment.text(name).map(ToOwned::to_owned);
        Ok(Self {
            output: globals.output,
            clock: globals.time,
            is_verbose: globals.verbose,
            is_debugging: globals.debug,
            is_insecure: globals.insecure,
            is_local: globals.local,
            timeout,
            context: name,
            endpoint: from_environment(ENDPOINT).or(context.endpoint),
            api_key: from_environment(API_KEY)
                .map(Into::into)
                .or(context.api_key),
            ca_file: environment.path(CA_FILE),
            config,
        })
    }

    /// How this program is called to come back to the same executions.
    pub(crate) fn program(&self) -> &'static str {
        if self.is_local {
            "runvoy --local"
        } else {
            "runvoy"
        }
    }

    /// Whether data is for programs.
    pub(crate) fn is_machine_output(&self) -> bool {
        matches!(self.output, Format::Json | Format::Yaml)
    }

    /// The configuration file, where it can have a place.
    pub(crate) fn config(&self) -> Result<&ConfigFile, Failure> {
        self.config.as_ref().ok_or_else(|| {
            if self.is_local {
                Failure::usage("--local has no configuration")
                    .hint("type the same command without --local")
            } else {
                Failure::new("there is no home directory to keep the configuration in")
                    .hint("name a file:  export RUNVOY_CONFIG=/path/to/config.yaml")
            }
        })
    }

    /// Whether the configuration file knows more than one server.
    pub(crate) fn has_several_contexts(&self) -> bool {
        let names = self.config.as_ref().map(ConfigFile::context_names);
        names.is_some_and(|names| names.len() > 1)
    }
}

fn timeout_of(context: &Context) -> Result<Option<Duration>, Failure> {
    let Some(text) = &context.timeout else {
        return Ok(None);
    };
    let parsed = duration::parse(text).map_err(|error| {
        Failure::usage("the timeout in the configuration file is refused").because(&error)
    })?;
    Ok(Some(parsed))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::arguments::Arguments;
    use crate::printer::Style;
    use crate::printer::captured::printer;

    const FILE: &str = "api_endpoint: https://d\napi_key: dk\ncurrent_context: a\ncontexts:\n  a: {api_endpoint: https://a, api_key: ak, timeout: 20}\n  b: {api_endpoint: https://b}\n";

    fn resolve(line: &[&str], variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.yaml");
        std::fs::write(&path, FILE).unwrap();
        let mut all = vec![("RUNVOY_CONFIG", path.to_str().unwrap())];
        all.extend(variables);
        let line = ["runvoy", "list"].iter().chain(line);
        let globals = Arguments::try_parse_from(line).unwrap().globals;
        let (printer, _, _) = printer(Style::default());
        Settings::resolve(
            &globals,
            &Environment::of(&all),
            &printer,
            ContextNeed::Existing,
        )
    }

    #[test]
    fn flag_goes_before_environment_before_file_before_default() {
        let endpoint = |line: &[&str], variables: &[(&str, &str)]| {
            resolve(line, variables).unwrap().endpoint.unwrap()
        };
        assert_eq!(endpoint(&[], &[]), "https://a");
        assert_eq!(endpoint(&[], &[("RUNVOY_CONTEXT", "b")]), "https://b");
        assert_eq!(
            endpoint(&["--context", "default"], &[("RUNVOY_CONTEXT", "b")]),
            "https://d"
        );
        assert_eq!(
            endpoint(&[], &[("RUNVOY_ENDPOINT", "https://e")]),
            "https://e"
        );
        let settings = resolve(&["--timeout", "5s"], &[("RUNVOY_API_KEY", "ek")]).unwrap();
        assert_eq!(settings.timeout, Some(Duration::from_secs(5)));
        assert_eq!(settings.api_key.unwrap().expose_secret(), "ek");
        assert_eq!(
            resolve(&[], &[]).unwrap().timeout,
            Some(Duration::from_secs(20))
        );
    }

    #[test]
    fn an_unknown_context_is_refused() {
        assert!(resolve(&["--context", "nope"], &[]).is_err());
    }

    #[test]
    fn local_needs_no_file() {
        let settings = resolve(&["--local", "--context", "nope"], &[]).unwrap();
        assert!(settings.config.is_none() && settings.endpoint.is_none());
    }
}
