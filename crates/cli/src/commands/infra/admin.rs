//! The admin of a deployment, and the context by which this machine reaches it.

use runvoy_core::key::ApiKey;
use runvoy_core::user::UserEmail;
use runvoy_infra::{AdminPlan, AdminRequest, Infra};
use secrecy::ExposeSecret as _;

use crate::config_file::{ConfigFile, DEFAULT_CONTEXT};
use crate::environment::API_KEY;
use crate::escape;
use crate::failure::Failure;
use crate::settings::App;

/// Makes the admin where there is none, and saves how to reach the deployment. Answers the context that must be named to
/// use it, if it is not the current one.
pub(super) async fn settle(
    infra: &Infra,
    endpoint: &str,
    email: Option<UserEmail>,
    wants_new_key: bool,
    app: &App<'_>,
) -> Result<Option<String>, Failure> {
    let config = app.settings.config()?;
    let plan = infra
        .plan_admin(AdminRequest {
            email,
            key: own_key(endpoint, app)?,
            wants_new_key,
        })
        .await?;
    let name = context_for(
        config,
        endpoint,
        &app.settings.context,
        infra.project().as_str(),
    );
    match plan {
        AdminPlan::Give { email, key, is_reset } => {
            // Saved before it is valid: what breaks off in between is finished by the next apply, with the same key.
            let is_saved = save(config, name.as_deref(), endpoint, &key, app)?;
            infra.give_admin(&email, key.hash()).await?;
            let what = if is_reset { "has a new key, and the old ones have ended" } else { "is admin" };
            app.printer.done(&format!("{} {what}", escape::field(email.as_str())));
            if !is_saved {
                show_once(&key, endpoint, app);
            }
        }
        AdminPlan::Present { email, key_fits: true } => {
            if let Some(key) = own_key(endpoint, app)? {
                save(config, name.as_deref(), endpoint, &key, app)?;
            }
            app.printer.done(&format!("{} is admin", escape::field(email.as_str())));
        }
        AdminPlan::Present { email, key_fits: false } => app.printer.warning(&format!(
            "{email} is admin already, by a key that this machine does not have; a new one:  runvoy infra apply --new-admin-key --admin-email {email}"
        )),
        AdminPlan::Others(_) => {}
        AdminPlan::Nobody => app.printer.warning(
            "nobody can use the deployment yet; name an administrator:  runvoy infra apply --admin-email EMAIL",
        ),
    }
    Ok(to_be_named(name, app))
}

/// The key that this machine has for the deployment, or for no server in particular: never another server's.
fn own_key(endpoint: &str, app: &App<'_>) -> Result<Option<ApiKey>, Failure> {
    let is_given = app.environment.text(API_KEY).is_some();
    let there = endpoint_of(app.settings.config()?, &app.settings.context);
    let belongs = is_given || there.is_none_or(|there| there == endpoint);
    let key = app.settings.api_key.as_ref().filter(|_| belongs);
    let key = key.map(|key| ApiKey::from_typed(key.expose_secret()));
    Ok(key.transpose()?)
}

/// The context to save under: the one in use, else one named as the project, if they are free; never another server's.
fn context_for(config: &ConfigFile, endpoint: &str, in_use: &str, project: &str) -> Option<String> {
    let is_free = |name: &&str| endpoint_of(config, name).is_none_or(|there| there == endpoint);
    [in_use, project]
        .into_iter()
        .find(is_free)
        .map(ToOwned::to_owned)
}

fn endpoint_of(config: &ConfigFile, name: &str) -> Option<String> {
    let endpoint = config.context(name)?.endpoint?;
    Some(endpoint.trim_end_matches('/').to_owned())
}

fn save(
    config: &ConfigFile,
    name: Option<&str>,
    endpoint: &str,
    key: &ApiKey,
    app: &App<'_>,
) -> Result<bool, Failure> {
    let Some(name) = name else {
        return Ok(false);
    };
    let is_first = config.context_names().is_empty();
    let mut changed = config.clone();
    changed.set_context(name, endpoint, key.expose());
    if is_first {
        changed.set_current(name);
    }
    config.writable()?.write(&changed)?;
    app.printer.done(&format!(
        "Saved in {} as the context {}",
        config.path().display(),
        escape::field(name)
    ));
    Ok(true)
}

fn show_once(key: &ApiKey, endpoint: &str, app: &App<'_>) {
    app.printer.warning(&format!(
        "every context that could take it belongs to another server; the key below is shown this once, save it:  runvoy --context NAME configure --endpoint {endpoint}"
    ));
    app.printer.data_line(key.expose());
}

fn to_be_named(name: Option<String>, app: &App<'_>) -> Option<String> {
    let config = app.settings.config.as_ref()?;
    let had_none = config.context_names().is_empty();
    let current = config.current().unwrap_or(DEFAULT_CONTEXT);
    name.filter(|name| !had_none && name != current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(text: &str, in_use: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.yaml");
        std::fs::write(&path, text).unwrap();
        let config = ConfigFile::read(path).unwrap();
        context_for(&config, "https://new", in_use, "staging")
    }

    #[test]
    fn no_other_servers_context_is_taken() {
        assert_eq!(context("", "default").unwrap(), "default");
        assert_eq!(context("api_key: k\n", "default").unwrap(), "default");
        assert_eq!(
            context("api_endpoint: https://new/\n", "default").unwrap(),
            "default"
        );
        let other = "api_endpoint: https://other\n";
        assert_eq!(context(other, "default").unwrap(), "staging");
        assert_eq!(context(other, "prod").unwrap(), "prod");
        let both = "api_endpoint: https://a\ncontexts: {staging: {api_endpoint: https://b}}\n";
        assert_eq!(context(both, "default"), None);
    }
}
