# Names for what `cargo xtask` does. `just` without a name lists them.

_list:
    @just --list

# everything that must hold before a change lands
ci *options:
    .ci/run {{options}}

# format, lints and tests, for work in progress
quick:
    .ci/run --quick

# every test; installs what they need after asking
test *options:
    cargo xtask test {{options}}

# crate edges, manifests, files and links
tidy:
    cargo xtask tidy

# the examples of the documents
readme:
    cargo xtask readme

# the static agents for x86-64 and arm64
agents *options:
    cargo xtask agents {{options}}

# the command line for macOS and Windows
cross-check:
    cargo xtask cross-check

# a command on this machine, for example: just local "echo hello world"
local command:
    cargo run --quiet -- --local run {{quote(command)}}
