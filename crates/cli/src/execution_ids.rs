//! What may stand for an execution: its id, its last six characters, or `last`.

use runvoy_client::api::{Api, ListQuery};

use crate::failure::Failure;

/// How many of the caller's newest executions a suffix is looked for in.
const NEWEST: u32 = 100;
/// The length of a suffix that stands for an id.
const SUFFIX: usize = 6;

/// The execution that `text` means.
pub(crate) async fn resolve(api: &Api, text: &str) -> Result<String, Failure> {
    let folded = text.trim().to_ascii_lowercase();
    let is_hex = folded.bytes().all(|byte| byte.is_ascii_hexdigit());
    if folded == "last" {
        return last(api).await;
    }
    if is_hex && folded.len() == 32 {
        return Ok(folded);
    }
    if is_hex && folded.len() == SUFFIX {
        return by_suffix(api, &folded).await;
    }
    Err(Failure::usage(format!("{text} is no execution id"))
        .because_of("an id is 32 hex digits, its last 6, or the word last")
        .hint("see yours:  runvoy list --mine"))
}

async fn last(api: &Api) -> Result<String, Failure> {
    let newest = mine(api, 1).await?.into_iter().next();
    newest.ok_or_else(|| {
        Failure::new("you have not run anything yet").hint("runvoy run \"echo hello world\"")
    })
}

async fn by_suffix(api: &Api, suffix: &str) -> Result<String, Failure> {
    let mut found = mine(api, NEWEST).await?;
    found.retain(|id| id.ends_with(suffix));
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(format!(
            "none of your newest {NEWEST} executions ends in {suffix}"
        ))
        .hint("see yours:  runvoy list --mine")),
        several => Err(Failure::usage(format!(
            "{suffix} may be any of {}",
            several.join(", ")
        ))),
    }
}

async fn mine(api: &Api, limit: u32) -> Result<Vec<String>, Failure> {
    let query = ListQuery {
        limit: Some(limit),
        user: Some(api.whoami().await?.email),
        ..ListQuery::default()
    };
    let page = api.executions(&query).await?;
    Ok(page
        .items
        .into_iter()
        .map(|item| item.execution_id)
        .collect())
}
