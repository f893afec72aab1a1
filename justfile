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
documents:
    cargo xtask documents

# the static agents for x86-64 and arm64
agents *options:
    cargo xtask agents {{options}}

# a release's program for this machine, or for `--target TRIPLE`, with its archive
dist *options:
    cargo xtask dist {{options}}

# the manual pages, in target/man
man:
    cargo xtask man

# the server's image, of what `just dist` made
image folder:
    docker build --file deployments/docker/Dockerfile --tag runvoy:local {{quote(folder)}}

# the command line for macOS and Windows
cross-check:
    cargo xtask cross-check

# a command on this machine, for example: just local "echo hello world"
local command:
    cargo run --quiet -- --local run {{quote(command)}}

# format
fmt:
    cargo fmt --all

# lints
lint:
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

# format, lints and tests, as before a change lands
check:
    .ci/run --quick

# everything that is deployed or shipped
build: build-cli build-orchestrator build-event-processor agents

# the program runvoy, with `runvoy infra`
build-cli:
    cargo build --release --locked --package runvoy-cli --features infra

# the Lambda functions' zips; both come from one build
build-orchestrator:
    cargo xtask package-lambda

# the Lambda functions' zips; both come from one build
build-event-processor:
    cargo xtask package-lambda

# the stack in the admin's own account, as it is now in this tree; seeds the admin
update-backend-infra *options: build
    target/release/runvoy infra apply {{options}}

# the first admin alone: an apply without changes
seed-admin-user email *options:
    target/release/runvoy infra apply --admin-email {{quote(email)}} {{options}}

# everything
deploy *options: (update-backend-infra options)

# the orchestrator: one change set brings both functions
deploy-orchestrator *options: (update-backend-infra options)

# the event processor: one change set brings both functions
deploy-event-processor *options: (update-backend-infra options)

# the stack; says what it keeps
destroy-backend-infra *options:
    target/release/runvoy infra destroy {{options}}

# runvoy on a local AWS, until Ctrl-C
local-dev-server *options:
    cargo xtask aws up {{options}}
