//! Where a control plane on this machine keeps its data, and who its user is.

use std::path::PathBuf;

use crate::environment::{DATA_DIR, Environment, USER};
use crate::failure::Failure;

/// Which control plane asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    /// `runvoy server`.
    Server,
    /// `--local`.
    Local,
}

/// The data directory: as given, else `RUNVOY_DATA_DIR`, else the default of the plane.
pub(crate) fn directory(
    plane: Plane,
    given: Option<PathBuf>,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    if let Some(path) = given.or_else(|| environment.path(DATA_DIR)) {
        return std::path::absolute(&path)
            .map_err(|error| crate::failure::file("used", path.display(), &error));
    }
    let below_home = match plane {
        Plane::Server if is_root() => return Ok(PathBuf::from("/var/lib/runvoy")),
        Plane::Server => "server",
        Plane::Local => "local",
    };
    let home = environment.home().ok_or_else(|| {
        Failure::new("there is no home directory to keep data in").hint(format!(
            "name a directory:  export {DATA_DIR}=/path/to/directory"
        ))
    })?;
    Ok(home.join(".runvoy").join(below_home))
}

/// Whether this process may do everything.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The operating system's user as an address, `user@host`: the actor under `--local`.
pub(crate) fn actor(environment: &Environment) -> String {
    let id = rustix::process::geteuid().as_raw();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    // macOS keeps its people elsewhere; there the login's own variable has to do.
    let named = || environment.text(USER).map(ToOwned::to_owned);
    let user = user_in(&accounts, id)
        .or_else(named)
        .unwrap_or_else(|| format!("uid-{id}"));
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{}@{}", plain(&user, "user"), plain(&host, "localhost"))
}

/// The name of user `id` in the text of a passwd file.
fn user_in(accounts: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(id.as_str())).then(|| name.to_owned())
    })
}

/// A part of an address: what cannot stand in one is a dash.
fn plain(text: &str, otherwise: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let text: String = text
        .to_ascii_lowercase()
        .chars()
        .take(100)
        .map(keep)
        .collect();
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_follows_flag_environment_and_default() {
        let environment = Environment::of(&[("HOME", "/h")]);
        let local = |environment, given| directory(Plane::Local, given, environment).unwrap();
        assert_eq!(local(&environment, None), PathBuf::from("/h/.runvoy/local"));
        let named = Environment::of(&[("HOME", "/h"), ("RUNVOY_DATA_DIR", "/d")]);
        assert_eq!(local(&named, None), PathBuf::from("/d"));
        assert_eq!(local(&named, Some("/f".into())), PathBuf::from("/f"));
        assert!(directory(Plane::Local, None, &Environment::default()).is_err());
    }

    #[test]
    fn the_actor_is_an_address() {
        assert!(
            actor(&Environment::default())
                .parse::<runvoy_core::user::UserEmail>()
                .is_ok()
        );
        assert_eq!(
            user_in("root:x:0:0::/:\nbob:x:7:7::/:\n", 7).as_deref(),
            Some("bob")
        );
        assert_eq!(plain("Mary Ann@X", "u"), "mary-ann-x");
    }
}
