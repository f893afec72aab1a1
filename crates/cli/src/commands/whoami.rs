//! `runvoy whoami`.

use runvoy_client::api::Api;

use super::show;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::key_end::left;
use crate::settings::App;
use crate::table::fields;

/// Shows whose key is used.
pub(crate) async fn run(app: &App<'_>, api: &Api) -> Result<ExitStatus, Failure> {
    let view = api.whoami().await?;
    show(app, &view, || {
        let expires = view.key_expires_at.map(|at| {
            let clock = app.settings.clock;
            format!("{} {} (in {})", clock.show(at), clock.name(), left(at))
        });
        fields(&[
            ("E-mail", Some(view.email.clone())),
            ("Role", Some(view.role.clone())),
            ("Key expires", expires),
            ("Endpoint", app.settings.endpoint.clone()),
        ])
    })
}
