//! The configuration file, and which server is meant.

use crate::home::{Home, KEY, runvoy_snapshot};

#[test]
fn nothing_is_configured() {
    runvoy_snapshot!(Home::new().shown(&["list"]), @r#"
    exit: 125
    --- stdout
    --- stderr
    error: no server is configured
    hint: try it here:  runvoy --local run "echo hello world"
          join a team:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)
          deploy it:    runvoy infra apply
    "#);
    runvoy_snapshot!(Home::new().shown(&["run", "true"]), @r#"
    exit: 125
    --- stdout
    --- stderr
    error: no server is configured
    hint: try it here:  runvoy --local run "echo hello world"
          join a team:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)
          deploy it:    runvoy infra apply
    "#);
}

#[test]
fn there_is_no_key() {
    let home = Home::new().set("RUNVOY_ENDPOINT", "https://runvoy.example.com");
    runvoy_snapshot!(home.shown(&["list"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: there is no API key for https://runvoy.example.com
    hint: join a team:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)
          have a key?   runvoy configure
    ");
}

#[test]
fn a_file_that_others_can_read() {
    let home = Home::with_config("web_url: https://example.com\n");
    home.set_config_mode(0o644);
    runvoy_snapshot!(home.shown(&["context", "list"]), @r"
    exit: 0
    --- stdout
    Current  Name  Endpoint  Key
    --- stderr
    warning: [HOME]/.runvoy/config.yaml can be read by others; type:  chmod 600 [HOME]/.runvoy/config.yaml
    ");
}

#[test]
fn broken_yaml() {
    let home = Home::with_config("api_endpoint: https://example.com\napi_key: [\n");
    runvoy_snapshot!(home.shown(&["list"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: [HOME]/.runvoy/config.yaml is not valid YAML
    caused by: did not find expected node content at line 3 column 1, while parsing a flow node

    hint: correct the line, or begin anew:
          mv [HOME]/.runvoy/config.yaml [HOME]/.runvoy/config.yaml.broken && runvoy configure
    ");
}

#[test]
fn a_file_that_is_no_list_of_keys() {
    runvoy_snapshot!(Home::with_config("- a\n- b\n").shown(&["list"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: [HOME]/.runvoy/config.yaml is not valid YAML
    caused by: it must be lines of `key: value`

    hint: correct the line, or begin anew:
          mv [HOME]/.runvoy/config.yaml [HOME]/.runvoy/config.yaml.broken && runvoy configure
    ");
}

#[test]
fn a_bad_timeout_in_the_file() {
    let home = Home::with_config("contexts: {a: {timeout: soon}}\ncurrent_context: a\n");
    runvoy_snapshot!(home.shown(&["list"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the timeout in the configuration file is refused
    caused by: duration must look like 30s, 10m, 1h30m or 600 (seconds), not `soon`
    ");
}

#[test]
fn a_context_that_is_not_there() {
    runvoy_snapshot!(Home::new().shown(&["--context", "prod", "list"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no context prod
    hint: see which there are:  runvoy context list
    ");
}

#[test]
fn contexts_are_listed_chosen_and_forgotten() {
    let home = Home::with_config(&format!(
        "api_endpoint: https://a.example.com\napi_key: {KEY}\ncontexts:\n  prod:\n    api_endpoint: https://b.example.com\n"
    ));
    runvoy_snapshot!(home.shown(&["context", "list"]), @r"
    exit: 0
    --- stdout
    Current  Name     Endpoint               Key
    *        default  https://a.example.com  yes
             prod     https://b.example.com  no
    --- stderr
    ");
    runvoy_snapshot!(home.shown(&["context", "use", "prod"]), @r"
    exit: 0
    --- stdout
    --- stderr
    ✓ Using prod from now on
    ");
    runvoy_snapshot!(home.shown(&["context", "list"]), @r"
    exit: 0
    --- stdout
    Current  Name     Endpoint               Key
             default  https://a.example.com  yes
    *        prod     https://b.example.com  no
    --- stderr
    ");
    runvoy_snapshot!(home.shown(&["context", "remove", "prod"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: prod is the current context
    hint: choose another first:  runvoy context use NAME
    ");
    runvoy_snapshot!(home.shown(&["context", "use", "nope"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no context nope
    hint: see which there are:  runvoy context list
    ");
    assert!(home.run(&["context", "use", "default"]).status.success());
    assert!(home.run(&["context", "remove", "prod"]).status.success());
    let left = std::fs::read_to_string(home.config()).unwrap();
    assert!(
        !left.contains("b.example.com") && left.contains("a.example.com"),
        "{left}"
    );
}

#[test]
fn a_key_is_not_sent_over_http_to_another_machine() {
    let home = Home::with_server("http://runvoy.example.com");
    runvoy_snapshot!(home.shown(&["list"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: the key is not sent over http, where others can read it
    caused by: http://runvoy.example.com is not this machine

    hint: use the https address of the server, or add --insecure if the network is trusted
    ");
}

#[test]
fn an_address_that_is_none() {
    runvoy_snapshot!(Home::with_server("runvoy.example.com").shown(&["list"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the address runvoy.example.com cannot be used
    caused by: it must begin with http:// or https:// and name a host
    ");
}

#[test]
fn a_run_says_first_where_it_goes_if_there_are_several_places() {
    let home = Home::with_config(&format!(
        "contexts:\n  a: {{api_endpoint: 'http://127.0.0.1:9', api_key: {KEY}}}\n  b: {{api_endpoint: 'https://b'}}\ncurrent_context: a\n"
    ));
    let output = home.run(&["run", "true"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("runvoy: Context: a (http://127.0.0.1:9)\n"),
        "{stderr}"
    );
}

#[test]
fn configuring_without_a_terminal_needs_an_address() {
    runvoy_snapshot!(Home::new().shown(&["configure"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no terminal to ask for the server's address
    hint: runvoy configure --endpoint URL
    ");
}

#[test]
fn configuring_refuses_a_mistyped_key() {
    let home = Home::new();
    let output = home.run_with_input(&["configure", "--endpoint", "https://a"], "rvy_short\n");
    runvoy_snapshot!(home.masked(&output), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the API key must be 20 to 200 printable characters without spaces
    ");
    assert!(!home.config().exists());
}

#[test]
fn a_context_name_is_one_plain_word() {
    runvoy_snapshot!(Home::new().shown(&["context", "use", "a\u{1b}[2J b"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the context name must be 1 to 64 letters, digits or . _ - and begin with a letter or digit, not `a\u{1b}[2J b`
    ");
    for line in [
        ["context", "remove", "a b"].as_slice(),
        &["--context", "", "list"],
        &["--context", "a/b", "configure", "--endpoint", "https://a"],
    ] {
        let home = Home::new();
        assert_eq!(home.run(line).status.code(), Some(2), "{line:?}");
        assert!(!home.config().exists());
    }
    let home = Home::new().set("RUNVOY_CONTEXT", "a b");
    assert_eq!(home.run(&["list"]).status.code(), Some(2));
}
