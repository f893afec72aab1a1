//! The first admin, and the way back in for an operator who lost the key.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use runvoy_app::{App, Tuning};
use runvoy_core::key::ApiKey;
use runvoy_core::role::Role;
use runvoy_core::user::UserEmail;
use runvoy_ports::UserReads as _;
use runvoy_sql::Durability;
use secrecy::SecretString;

use crate::compose::{self, Differences};
use crate::data_dir::DataDir;

/// The first admin's address where nobody names one.
const DEFAULT_ADMIN: &str = "admin@localhost";

/// An admin's new key, to be shown once.
#[derive(Debug)]
pub struct ResetAdmin {
    /// Whose it is.
    pub email: String,
    /// The key.
    pub api_key: SecretString,
}

/// Makes a new key for the admin `email`, or for the only admin there is; all older ones of theirs end at once.
/// Works beside a running server.
pub async fn reset_admin(data_dir: &Path, email: Option<&str>) -> anyhow::Result<ResetAdmin> {
    if !data_dir.join("runvoy.db").exists() {
        bail!(
            "there is no server's database in {}; name its directory with --data-dir",
            data_dir.display()
        );
    }
    let data = DataDir::open(data_dir)?;
    let store = data.store(Durability::Full).await?;
    let email = match email {
        Some(email) => known_admin(&store, UserEmail::from_typed(email)?).await?,
        None => only_admin(&store).await?,
    };
    let differences = Differences {
        store: Arc::new(store),
        launcher: Arc::new(compose::idle(&data)),
        owner: None,
        tuning: Tuning::default(),
    };
    let (app, _nobody_drives) = compose::app(&data, differences)?;
    let key = app.reset_admin(&email).await?;
    Ok(ResetAdmin {
        email: email.to_string(),
        api_key: key.expose().into(),
    })
}

/// A mistyped address must not become a new admin, nor another person one.
async fn known_admin(
    store: &runvoy_sql::SqliteStore,
    email: UserEmail,
) -> anyhow::Result<UserEmail> {
    match store.find_user(&email).await? {
        Some(found) if found.value.role == Role::Admin => Ok(email),
        Some(_) => bail!("{email} is no admin; leave out --email to reset the only one"),
        None => bail!("there is no user {email}; leave out --email to reset the only admin"),
    }
}

async fn only_admin(store: &runvoy_sql::SqliteStore) -> anyhow::Result<UserEmail> {
    let users = store
        .list_users()
        .await?
        .into_iter()
        .map(|found| found.value);
    let admins: Vec<UserEmail> = users
        .filter(|user| user.role == Role::Admin)
        .map(|user| user.email)
        .collect();
    match &admins[..] {
        [only] => Ok(only.clone()),
        [] => Ok(DEFAULT_ADMIN.parse()?),
        several => {
            let names: Vec<&str> = several.iter().map(UserEmail::as_str).collect();
            bail!(
                "there are several admins ({}); name one with --email",
                names.join(", ")
            )
        }
    }
}

/// Makes the first admin where there is nobody, and shows the key once: on a terminal, else in a file for its owner only.
/// The file comes before the admin, so that no admin is ever left whose key nobody has.
pub(crate) async fn first_admin(
    app: &App,
    data: &DataDir,
    email: Option<&str>,
    url: &str,
) -> anyhow::Result<()> {
    let email = UserEmail::from_typed(email.unwrap_or(DEFAULT_ADMIN))?;
    if !app.has_nobody().await? {
        return Ok(());
    }
    let key = app.make_key()?;
    let mut shown = format!(
        "first start: the admin {email} has this API key, shown only now:\n\n  {}\n",
        key.expose()
    );
    if !io::stdout().is_terminal() {
        let path = data.path().join("admin.key");
        write_key(&path, &key)
            .with_context(|| format!("the admin's key cannot be written to {}", path.display()))?;
        shown = format!(
            "first start: the API key of the admin {email} is in {}",
            path.display()
        );
    }
    app.first_admin(&email, key).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "{shown}")?;
    writeln!(out, "set it up with: runvoy configure --endpoint {url}")?;
    Ok(())
}

fn write_key(path: &Path, key: &ApiKey) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", key.expose())?;
    file.sync_all()
}
