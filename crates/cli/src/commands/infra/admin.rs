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
    let project = infra.project().as_str();
    let known = known_context(infra, endpoint, app).await?;
    let own = || own_key(known.as_deref(), endpoint, app);
    let request = AdminRequest {
        email,
        key: own()?,
        wants_new_key,
    };
    let plan = infra.plan_admin(request).await?;
    let name = known
        .clone()
        .or_else(|| context_for(config, endpoint, &app.settings.context, project));
    let (email, is_new) = match plan {
        AdminPlan::Give {
            email,
            key,
            is_reset,
        } => {
            // Saved before it is valid: what breaks off in between is finished by the next apply, with the same key.
            let is_saved = save(name.as_deref(), endpoint, &key, app)?;
            infra.give_admin(&email, key.hash()).await?;
            if !is_saved {
                show_once(&key, endpoint, app);
            }
            (email, is_reset)
        }
        AdminPlan::Present {
            email,
            key_fits: true,
        } => {
            if let Some(key) = own()? {
                save(name.as_deref(), endpoint, &key, app)?;
            }
            (email, false)
        }
        rest => {
            if let Some(key) = known.as_deref().and_then(|name| key_of(config, name)) {
                save(known.as_deref(), endpoint, &key, app)?;
            }
            warn(&rest, app);
            return Ok(to_be_named(name, app));
        }
    };
    let what = if is_new {
        "has a new key, and the old ones have ended"
    } else {
        "is admin"
    };
    let email = escape::field(email.as_str());
    app.printer.done(&format!("{email} {what}"));
    Ok(to_be_named(name, app))
}

/// What there is to say where nobody is made admin.
fn warn(plan: &AdminPlan, app: &App<'_>) {
    match plan {
        AdminPlan::Present { email, .. } => app.printer.warning(&format!(
            "{email} is admin already, and this machine has no valid key of theirs; a new one:  runvoy infra apply --new-admin-key --admin-email {email}"
        )),
        AdminPlan::Nobody => app.printer.warning(
            "nobody can use the deployment yet; name an administrator:  runvoy infra apply --admin-email EMAIL",
        ),
        AdminPlan::Give { .. } | AdminPlan::Others(_) => {}
    }
}

/// The context that is this deployment's by its key. Its address may be of an earlier stack: a new stack has a new one.
async fn known_context(
    infra: &Infra,
    endpoint: &str,
    app: &App<'_>,
) -> Result<Option<String>, Failure> {
    let config = app.settings.config()?;
    let project = infra.project().as_str();
    for name in by_likeliness(config, endpoint, &app.settings.context, project) {
        if let Some(key) = key_of(config, &name)
            && infra.knows_key(&key).await?
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn key_of(config: &ConfigFile, context: &str) -> Option<ApiKey> {
    let key = config.context(context)?.api_key?;
    ApiKey::from_typed(key.expose_secret()).ok()
}

/// All contexts, first those that say by address or name that they are the deployment's: a person may have given one key
/// to several deployments.
fn by_likeliness(config: &ConfigFile, endpoint: &str, in_use: &str, project: &str) -> Vec<String> {
    let mut names = config.context_names();
    names.sort_by_key(|name| {
        let is_there = endpoint_of(config, name).is_some_and(|there| there == endpoint);
        (!is_there, name != project, name != in_use)
    });
    names
}

/// The key that this machine has for the deployment, or for no server in particular: never another server's.
fn own_key(known: Option<&str>, endpoint: &str, app: &App<'_>) -> Result<Option<ApiKey>, Failure> {
    let config = app.settings.config()?;
    let is_given = app.environment.text(API_KEY).is_some();
    if let (Some(name), false) = (known, is_given) {
        return Ok(key_of(config, name));
    }
    let there = endpoint_of(config, &app.settings.context);
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

/// Whether the context has address and key already.
fn has(config: &ConfigFile, name: &str, endpoint: &str, key: &ApiKey) -> bool {
    let saved = config.context(name).and_then(|context| context.api_key);
    let is_same_key = saved.is_some_and(|saved| saved.expose_secret() == key.expose());
    is_same_key && endpoint_of(config, name).is_some_and(|there| there == endpoint)
}

/// Saves address and key, unless they are; answers whether they are saved now.
fn save(name: Option<&str>, endpoint: &str, key: &ApiKey, app: &App<'_>) -> Result<bool, Failure> {
    let Some(name) = name else {
        return Ok(false);
    };
    let config = app.settings.config()?;
    if has(config, name, endpoint, key) {
        return Ok(true);
    }
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
    fn the_deployments_own_contexts_are_asked_first() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.yaml");
        let text = "api_endpoint: https://a\napi_key: k\ncontexts:\n  other: {api_key: k}\n  staging: {api_key: k}\n  there: {api_endpoint: https://new, api_key: k}\n";
        std::fs::write(&path, text).unwrap();
        let config = ConfigFile::read(path).unwrap();
        let names = by_likeliness(&config, "https://new", "default", "staging");
        assert_eq!(names, ["there", "staging", "default", "other"]);
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
