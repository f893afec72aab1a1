//! How it was measured, in words.

/// Begins it.
pub(super) const METHOD_TITLE: &str = "## How it was measured";

/// What the figures are worth depends on this.
pub(super) const METHOD: &str = "
## How it was measured

- **Local run**: 41 runs of `runvoy --local run true` and of `tsp -nf true` in turn, each a new process in a home that has been used before; medians of wall time.
  Both keep a record of the run; the spooler's server is up already, runvoy starts everything anew each time.
  Memory is the largest of five runs, as GNU `time` reports it.
- **Submit**: a `runvoy server` on disk (every commit waits for it), 300 runs of `echo x` one after the other over the loopback, from before `POST /run` until a long poll has brought the first line of output.
- **Containers**: 31 runs of each in turn, of one image that is there already: a static busybox.
  `runvoy --local run --image` and `docker run --rm` are whole processes that run `true`; medians of wall time.
  The first run of all, which makes the database and the network and puts the agent into its volume, is not counted.
  Bare `docker run` puts its container on the engine's own bridge and sets no limits.
  Each of runvoy's has a volume, limits, fewer rights and a network on which it reaches nobody; a `docker run` with the same is measured in turn with both.
  Through a server: `echo x` on a `runvoy server` on disk, from before `POST /run` to the first line and to the exit code at a long poll, which come before the container is gone; beside it the first line and the end of a `docker run --rm` of the same.
- **pueue**: 21 times in turn, `runvoy run echo x` at a server that runs processes, and `pueue add` then `pueue follow` of the same at its daemon; from the start of the first process to the end of the last.
  `pueue follow` looks once a second.
- **Following**: a container of one processor prints 300,000 lines of about a hundred bytes; five in turn through a server and by `docker run -d`, the first of each not counted.
  `runvoy logs -f` and `docker logs -f` begin as soon as the run has an id; then either reads the log once more, from its start to its end as a process.
  Every line is looked for: all were there, once and in order.
  runvoy has stored each line twice by then, in the container's own log and on the server's disk, and prints it with number and time; Docker prints it as it came.
- **Followers**: 1,000 long polls over connections of their own, with the keys of 20 people, in one process on the same machine, follow a run that prints what is written into a pipe.
  50 lines one by one, each when all wait again, then 1,000 at once; from before the write until the last follower has read the line.
  The time of the followers themselves, on the same processors, is in it; the server's processor time is the system's account of it.
  Every follower had every line once and in order, and was told the end.
- **Log ingest**: a command under `runvoy server` prints 200 MB of lines, a secret in every hundredth; from its recorded start to its accepted end, with everything on disk; the median of three.
  The page of the log with the last line is read back: its number says that nothing was lost, its text that it was masked.
  `sed` (`LC_ALL=C`) replaces the same 50 secrets in the same file in turn with it, to a file on the same disk that is then synced.
  It knows the values as they are; the agent masks their usual encodings too.
- **Key check**: `authenticate` and a use case that refuses the caller, for each of 1000 keys in a store on disk; CPU time of the whole process, the median of 15 rounds.
  SQLite works in a thread of its own: one caller alone pays for waking it, and that costs more where it wakes on another, idle core.
- **Agent**: the size of what `cargo xtask agents` built.
- **List**: a million executions of 100 people and 10 locks in a store on disk; 201 pages of 50 of each kind, read in process from all over the history; medians of wall time.
  In memory: the pages have been read before, so the system need not ask the disk. Not in memory: it was made to forget the file first.
- **Lambda functions**: the zips are those of `cargo xtask package-lambda`, for arm64; the starts are of the same sources built for this machine, 21 of each.
  A start is from the process's beginning to its asking for the first invocation: it has read the stack key, opened its connections and found nothing, all over the loopback without TLS.
  Memory is the most that any start had held by then.

Not measured, because it is not built yet: PostgreSQL.
Not measured, because there is no AWS here: cold starts and round trips in AWS itself; how many round trips a request makes is counted by a test.
";
