//! Claiming a key.

use runvoy_core::key::{ApiKey, ClaimToken};

use crate::fake_server::{Answer, FakeServer};
use crate::home::{Home, KEY, runvoy_snapshot};

const CLAIMED: &str =
    r#"{"user_email":"alice@example.com","role":"developer","message":"welcome"}"#;

fn token() -> String {
    ClaimToken::from_random([7; 20]).expose().to_owned()
}

#[test]
fn a_key_is_made_here_and_only_its_hash_is_sent() {
    let server = FakeServer::saying(200, CLAIMED);
    let home = Home::new();
    runvoy_snapshot!(home.shown(&["claim", &token(), "--endpoint", &server.endpoint]), @r#"
    exit: 0
    --- stdout
    --- stderr
    ✓ You are alice@example.com (developer)
    Key saved in [HOME]/.runvoy/config.yaml
    Try it:   runvoy run "echo hello world"
    "#);
    let config = std::fs::read_to_string(home.config()).unwrap();
    let key = config
        .lines()
        .find_map(|line| line.strip_prefix("api_key: "))
        .unwrap();
    let hash = ApiKey::from_typed(key).unwrap().hash().to_string();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, format!("POST /api/v1/claim/{}", token()));
    assert_eq!(asked[0].body, format!("{{\"api_key_sha256\":\"{hash}\"}}"));
    assert!(
        !asked[0]
            .headers
            .iter()
            .any(|header| header.starts_with("x-api-key"))
    );
}

#[test]
fn a_token_is_not_burnt_where_the_key_could_not_be_kept() {
    let server = FakeServer::saying(200, CLAIMED);
    let home = Home::new();
    std::fs::write(home.path(".runvoy"), "a file in the way").unwrap();
    runvoy_snapshot!(home.shown(&["claim", &token(), "--endpoint", &server.endpoint]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: [HOME]/.runvoy/config.yaml cannot be written
    caused by: File exists (os error 17)

    hint: keep it elsewhere:  export RUNVOY_CONFIG=/path/to/config.yaml
    ");
    assert!(server.asked().is_empty());
}

#[test]
fn a_key_that_cannot_be_saved_after_all_is_shown() {
    let home = Home::new();
    let directory = home.path(".runvoy");
    let server = FakeServer::new(move |_, _| {
        std::fs::remove_dir_all(&directory).unwrap();
        Answer::Say(200, CLAIMED.to_owned())
    });
    let output = home.run(&["claim", &token(), "--endpoint", &server.endpoint]);
    assert_eq!(output.status.code(), Some(125));
    let shown = String::from_utf8(output.stdout).unwrap();
    let hash = ApiKey::from_typed(&shown).unwrap().hash().to_string();
    assert!(server.asked()[0].body.contains(&hash));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("this is its only copy"), "{stderr}");
}

#[test]
fn a_claim_whose_answer_is_lost_is_asked_again_with_the_same_key() {
    let server = FakeServer::new(|_, before| match before {
        0 => Answer::HangUp,
        _ => Answer::Say(200, CLAIMED.to_owned()),
    });
    let home = Home::new();
    assert!(
        home.run(&["claim", &token(), "--endpoint", &server.endpoint])
            .status
            .success()
    );
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].body, asked[1].body);
}

#[test]
fn a_used_token() {
    let server = FakeServer::saying(
        409,
        r#"{"error":"this claim token was used at 2026-01-02T03:04:05Z","code":"CLAIM_USED"}"#,
    );
    let home = Home::new();
    runvoy_snapshot!(home.shown(&["claim", &token(), "--endpoint", &server.endpoint]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: this claim token was used at 2026-01-02T03:04:05Z
    hint: ask your admin for a new line; they type:  runvoy users create YOUR-ADDRESS
    ");
    assert!(!home.config().exists());
}

#[test]
fn a_mistyped_token() {
    runvoy_snapshot!(Home::new().shown(&["claim", "rvc_oops", "--endpoint", "https://a"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the claim token is mistyped or cut off: it begins with rvc_ and has 40 characters
    hint: copy the whole line that your admin sent, or ask for a new one
    ");
}

#[test]
fn a_token_is_not_sent_over_http_to_another_machine() {
    runvoy_snapshot!(Home::new().shown(&["claim", &token(), "--endpoint", "http://a.example.com"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: the key is not sent over http, where others can read it
    caused by: http://a.example.com is not this machine

    hint: use the https address of the server, or add --insecure if the network is trusted
    ");
}

#[test]
fn the_key_of_one_server_does_not_take_the_place_of_anothers() {
    let server = FakeServer::saying(200, CLAIMED);
    let home = Home::with_server("https://other.example.com");
    runvoy_snapshot!(home.shown(&["claim", &token(), "--endpoint", &server.endpoint]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the context default already belongs to https://other.example.com
    hint: keep both:     the same command with --context NAME
          forget it:     runvoy context remove default
    ");
    assert!(server.asked().is_empty());
    runvoy_snapshot!(home.shown(&["--context", "new", "claim", &token(), "--endpoint", &server.endpoint]), @r#"
    exit: 0
    --- stdout
    --- stderr
    ✓ You are alice@example.com (developer)
    Key saved in [HOME]/.runvoy/config.yaml
    Use it:   runvoy --context new …     always: runvoy context use new
    Try it:   runvoy run "echo hello world"
    "#);
    let config = std::fs::read_to_string(home.config()).unwrap();
    assert!(
        config.contains(KEY) && !config.contains("current_context"),
        "{config}"
    );
}

#[test]
fn a_revoked_key() {
    let server = FakeServer::saying(
        401,
        r#"{"error":"the API key was revoked","code":"API_KEY_REVOKED"}"#,
    );
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["list"]), @r"
    exit: 77
    --- stdout
    --- stderr
    error: the API key was revoked
    hint: get a new key:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)
    ");
}

#[test]
fn an_invitation_is_one_line_to_send() {
    let server = FakeServer::saying(
        201,
        r#"{"user":{"email":"bob@example.com","role":"developer","created_at":"2026-01-02T03:04:05Z","revoked":false,"last_used":null},"claim_token":"rvc_x","claim_expires_at":"2026-01-02T03:19:05Z"}"#,
    );
    let home = Home::with_server(&server.endpoint);
    runvoy_snapshot!(home.shown(&["users", "create", "Bob@Example.com"]), @r"
    exit: 0
    --- stdout
    runvoy claim rvc_x --endpoint http://[SERVER]
    --- stderr
    ✓ bob@example.com is a developer now
    Send them this line; it works once, until 2026-01-02 03:19:05 UTC:
    ");
}
