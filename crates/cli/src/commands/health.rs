//! `runvoy health`.

use runvoy_client::api::Api;

use super::show;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::fields;

/// Shows whether the server is well.
pub(crate) async fn run(app: &App<'_>, api: &Api) -> Result<ExitStatus, Failure> {
    let view = api.health().await?;
    show(app, &view, || {
        fields(&[
            ("Status", Some(view.status.clone())),
            ("Version", Some(view.version.clone())),
            ("Provider", Some(view.provider.clone())),
            ("Endpoint", app.settings.endpoint.clone()),
        ])
    })
}
