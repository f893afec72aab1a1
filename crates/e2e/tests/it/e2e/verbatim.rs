//! A command arrives as it was typed, and runs once.

use std::fs;

use crate::harness::both_places;
use crate::harness::place::Place;

/// What shells, formats and encodings stumble over.
const AWKWARD: &str = "it's \"quoted\" 100% %s %d $(echo no) `echo no` $HOME \\ \\n tab\there, é ✓ 𝄞, * ? ~ ! # & ; | < >, line\nbreak\n\nend ";

both_places!(
    an_argv_arrives_word_by_word,
    a_script_arrives_as_it_is,
    a_script_runs_once,
    variables_arrive_as_they_are,
    both_streams_stay_apart,
);

async fn an_argv_arrives_word_by_word(place: &Place) {
    let words = [
        "run", "--", "printf", "<%s>", AWKWARD, "", " ", "-n", "--lock",
    ];
    let output = place.cli().succeed(&words).await;
    assert_eq!(output, format!("<{AWKWARD}><>< ><-n><--lock>"));
}

async fn a_script_arrives_as_it_is(place: &Place) {
    let script =
        format!("cat <<'END'\n{AWKWARD}\nEND\nprintf '%s|' \"$(echo yes)\" 'a\"b' $((6 * 7))");
    let output = place.cli().succeed(&["run", &script]).await;
    assert_eq!(output, format!("{AWKWARD}\nyes|a\"b|42|"));
    let record = place.cli().last_closed().await;
    assert_eq!(record.command, script);
}

async fn a_script_runs_once(place: &Place) {
    let file = place.world().path("side effect");
    let script = format!("echo \"$(echo once)\" >> '{}'", file.display());
    for times in 1..=5 {
        place.cli().succeed(&["run", &script]).await;
        assert_eq!(fs::read_to_string(&file).unwrap(), "once\n".repeat(times));
    }
}

async fn variables_arrive_as_they_are(place: &Place) {
    let cli = place
        .cli()
        .with("MINE", AWKWARD)
        .with("HUSH", "s3cret value");
    let given = format!("GIVEN={AWKWARD}");
    let script = "printf '%s|%s|%s' \"$GIVEN\" \"$MINE\" \"${#HUSH}\"; echo \"$HUSH\" >&2";
    let line = [
        "run",
        "-q",
        "-e",
        &given,
        "-e",
        "MINE",
        "--secret-env",
        "HUSH",
        script,
    ];
    let output = cli.run(&line).await;
    assert_eq!(
        output.stdout,
        format!("{AWKWARD}|{AWKWARD}|12"),
        "{output:?}"
    );
    assert!(!output.stderr.contains("s3cret"), "{output:?}");
}

async fn both_streams_stay_apart(place: &Place) {
    let script = "echo out; echo err >&2; printf 'no end'; exit 3";
    let output = place.cli().run(&["run", "-q", script]).await;
    assert_eq!(
        (output.code, &output.stdout[..], &output.stderr[..]),
        (3, "out\nno end", "err\n")
    );
}
