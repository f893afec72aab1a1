//! Rows without a budget.

/// The same work by runvoy and by another program: the path, runvoy's figure, the other's name and its figure.
pub(super) const BESIDE: [(&str, &str, &str, &str); 8] = [
    (
        "one command in a container, whole process",
        "container.wall_ms",
        "`docker run --rm`",
        "container.docker_wall_ms",
    ),
    (
        "the same, beside a container that is as closed",
        "container.wall_ms",
        "`docker run --rm` with limits, a network and a volume",
        "container.closed_docker_wall_ms",
    ),
    (
        "server: submit → first line from a container, p50",
        "container.first_line_p50_ms",
        "`docker run --rm`",
        "container.docker_first_line_p50_ms",
    ),
    (
        "server: submit → exit code of a container, p50",
        "container.complete_p50_ms",
        "`docker run --rm`",
        "container.docker_complete_p50_ms",
    ),
    (
        "server: `runvoy run echo x` as a process, whole process",
        "pueue.runvoy_wall_ms",
        "`pueue add` + `pueue follow`",
        "pueue.wall_ms",
    ),
    (
        "300,000 lines of a container: submit → last line at the follower",
        "follow.last_line_ms",
        "`docker run -d` + `docker logs -f`",
        "follow.docker_last_line_ms",
    ),
    (
        "the same, from the first line on",
        "follow.live_lines_per_s",
        "`docker logs -f`",
        "follow.docker_live_lines_per_s",
    ),
    (
        "the same log once more, when it is over",
        "follow.again_lines_per_s",
        "`docker logs -f`",
        "follow.docker_again_lines_per_s",
    ),
];

/// Figures that help to read those with a budget.
pub(super) const FURTHER: [(&str, &str); 20] = [
    ("local run: the agent's peak memory", "local.agent_peak_mib"),
    ("submit → log complete, p50", "submit.complete_p50_ms"),
    (
        "1,000 followers of one run: a line written → the last of them has it, p50",
        "followers.line_p50_ms",
    ),
    ("the same, worst", "followers.line_worst_ms"),
    (
        "the same, the server's processor time for a line",
        "followers.line_cpu_ms",
    ),
    (
        "1,000 followers: 1,000 lines at once → the last of them has all",
        "followers.burst_ms",
    ),
    (
        "the same, the server's processor time",
        "followers.burst_cpu_ms",
    ),
    (
        "1,000 followers: the log is closed → the last of them knows",
        "followers.end_ms",
    ),
    (
        "1,000 followers: the server's memory while they wait",
        "followers.server_mib",
    ),
    (
        "1,000 followers: the server's peak",
        "followers.server_peak_mib",
    ),
    ("log ingest: the server's peak", "ingest.server_peak_mib"),
    ("key check and `whoami`", "authorization.whoami_cpu_us"),
    (
        "key check, 16 callers at once",
        "authorization.at_once_cpu_us",
    ),
    ("list: the newest page", "list.newest_ms"),
    ("list: a page anywhere", "list.deep_ms"),
    ("list: of one person", "list.user_ms"),
    ("list: of one lock", "list.lock_ms"),
    ("list: of one status", "list.status_ms"),
    ("list: two statuses of one person", "list.of_both_ms"),
    (
        "list: the slowest kind, not in memory",
        "list.slowest_from_disk_ms",
    ),
];
