//! What ECS says of one task, in whichever way it says it.

use aws_smithy_types::DateTime;
use jiff::Timestamp;
use runvoy_core::execution::{Billed, ProviderWord};
use serde::{Deserialize, Serialize};

/// How a task that is over is called.
const STOPPED: &str = "STOPPED";

/// What the words of a failed pull have in them where the image cannot be had at all
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>). What the host itself does
/// not find, such as a part of the image that it had, another host may.
const NO_IMAGE: [&str; 3] = [
    "manifest unknown",
    "pull access denied",
    "does not contain descriptor matching platform",
];

/// A task as ECS told of it at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Its name in AWS.
    pub(crate) arn: String,
    /// Grows with every change; equal where the same is told twice.
    pub(crate) version: i64,
    /// Where it stands.
    pub(crate) last_status: String,
    /// Where it is going.
    #[serde(default)]
    pub(crate) desired_status: Option<String>,
    /// Why it stopped, in a word.
    #[serde(default)]
    pub(crate) stop_code: Option<String>,
    /// Why it stopped, in a sentence.
    #[serde(default)]
    pub(crate) stopped_reason: Option<String>,
    /// Its containers.
    #[serde(default)]
    pub(crate) containers: Vec<TaskContainer>,
    /// When it was asked for.
    #[serde(default)]
    pub(crate) created_at: Option<Timestamp>,
    /// When the pull of its images began: from here on it is billed.
    #[serde(default)]
    pub(crate) pull_started_at: Option<Timestamp>,
    /// When its containers started.
    #[serde(default)]
    pub(crate) started_at: Option<Timestamp>,
    /// When it had stopped.
    #[serde(default)]
    pub(crate) stopped_at: Option<Timestamp>,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskContainer {
    /// Its name in the definition.
    pub(crate) name: String,
    /// The code that it exited with.
    #[serde(default)]
    pub(crate) exit_code: Option<i32>,
    /// What ECS says of its end.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

impl TaskContainer {
    fn is_out_of_memory(&self) -> bool {
        let reason = self.reason.as_deref().unwrap_or_default();
        reason.starts_with("OutOfMemoryError")
    }
}

impl Task {
    /// What an answer of ECS says; `None` where it does not even name the task.
    pub(crate) fn from_sdk(task: &aws_sdk_ecs::types::Task) -> Option<Self> {
        let containers = task.containers().iter().map(|container| TaskContainer {
            name: container.name().unwrap_or_default().to_owned(),
            exit_code: container.exit_code(),
            reason: container.reason().map(str::to_owned),
        });
        Some(Self {
            arn: task.task_arn()?.to_owned(),
            version: task.version(),
            last_status: task.last_status()?.to_owned(),
            desired_status: task.desired_status().map(str::to_owned),
            stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
            stopped_reason: task.stopped_reason().map(str::to_owned),
            containers: containers.collect(),
            created_at: timestamp(task.created_at()),
            pull_started_at: timestamp(task.pull_started_at()),
            started_at: timestamp(task.started_at()),
            stopped_at: timestamp(task.stopped_at()),
        })
    }

    /// Whether nothing of it runs any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.last_status == STOPPED
    }

    /// The last part of its ARN, which names its log streams.
    pub(crate) fn id(&self) -> &str {
        id_in(&self.arn)
    }

    /// The reason of its end, where it is one that is known.
    pub(crate) fn word(&self) -> Option<ProviderWord> {
        if self.containers.iter().any(TaskContainer::is_out_of_memory) {
            return Some(ProviderWord::OutOfMemory);
        }
        (self.stop_code.as_deref() == Some("SpotInterruption")).then_some(ProviderWord::Interrupted)
    }

    /// ECS's own words on its end.
    pub(crate) fn words(&self) -> Option<String> {
        let of_task = [&self.stop_code, &self.stopped_reason]
            .into_iter()
            .flatten();
        let of_containers = self.containers.iter().filter_map(|container| {
            let reason = container
                .reason
                .as_deref()
                .filter(|reason| !reason.is_empty())?;
            Some(format!("{}: {reason}", container.name))
        });
        let words: Vec<String> = of_task
            .filter(|words| !words.is_empty())
            .cloned()
            .chain(of_containers)
            .collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// Whether its image is not there, or not for this processor or account: no other task would get it.
    pub(crate) fn is_without_image(&self) -> bool {
        let of_containers = self
            .containers
            .iter()
            .filter_map(|container| container.reason.as_ref());
        let mut reasons = self.stopped_reason.iter().chain(of_containers);
        reasons.any(|reason| {
            let is_unresolved = reason.contains("failed to resolve ref")
                && reason.trim_end().ends_with(": not found");
            let is_told = NO_IMAGE.iter().any(|words| reason.contains(words));
            reason.contains("CannotPullContainerError") && (is_unresolved || is_told)
        })
    }

    /// What AWS bills for: from the pull to the stop. A task that never came to the pull costs nothing.
    pub(crate) fn billed(&self) -> Option<Billed> {
        let from = self.pull_started_at.or(self.started_at)?;
        let until = self.stopped_at?;
        Some(Billed { from, until })
    }
}

/// The task id at the end of an ARN.
pub(crate) fn id_in(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

fn timestamp(at: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at?.as_nanos()).ok()
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub(crate) const ARN: &str =
        "arn:aws:ecs:us-east-1:123456789012:task/runvoy/0123456789abcdef0123456789abcdef";

    /// A task of which ECS has told `version` things.
    pub(crate) fn task(version: i64, last_status: &str) -> Task {
        Task {
            arn: ARN.to_owned(),
            version,
            last_status: last_status.to_owned(),
            desired_status: None,
            stop_code: None,
            stopped_reason: None,
            containers: Vec::new(),
            created_at: None,
            pull_started_at: None,
            started_at: None,
            stopped_at: None,
        }
    }

    /// A task that exited by itself.
    pub(crate) fn stopped() -> Task {
        Task {
            stop_code: Some("EssentialContainerExited".to_owned()),
            stopped_reason: Some("Essential container in task exited".to_owned()),
            pull_started_at: Some("2026-11-01T10:00:05Z".parse().unwrap()),
            started_at: Some("2026-11-01T10:00:15Z".parse().unwrap()),
            stopped_at: Some("2026-11-01T10:01:35Z".parse().unwrap()),
            ..task(5, "STOPPED")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{stopped, task};
    use super::*;

    fn container(name: &str, exit_code: Option<i32>, reason: Option<&str>) -> TaskContainer {
        TaskContainer {
            name: name.to_owned(),
            exit_code,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn only_memory_and_spot_are_words() {
        let killed = "OutOfMemoryError: Container killed due to memory usage";
        let with = |stop_code: &str, exit_code, reason: Option<&str>| {
            let containers = vec![
                container("copier", Some(0), None),
                container("main", exit_code, reason),
            ];
            let stop_code = Some(stop_code.to_owned());
            Task {
                stop_code,
                containers,
                ..stopped()
            }
            .word()
        };
        let exited = "EssentialContainerExited";
        assert_eq!(
            with(exited, Some(137), Some(killed)),
            Some(ProviderWord::OutOfMemory)
        );
        assert_eq!(
            with(exited, None, Some(killed)),
            Some(ProviderWord::OutOfMemory)
        );
        assert_eq!(
            with("SpotInterruption", None, None),
            Some(ProviderWord::Interrupted)
        );
        // A command may exit with 137 for reasons of its own.
        assert_eq!(with(exited, Some(137), None), None);
        assert_eq!(
            with(
                "TaskFailedToStart",
                None,
                Some("CannotPullContainerError: x")
            ),
            None
        );
        assert_eq!(with("UserInitiated", Some(143), None), None);
    }

    #[test]
    fn words_are_those_of_ecs() {
        let pull = "CannotPullContainerError: pull image manifest has been retried 1 time(s)";
        let failed = Task {
            stop_code: Some("TaskFailedToStart".to_owned()),
            stopped_reason: Some(pull.to_owned()),
            containers: vec![
                container("main", None, Some("CannotPullContainerError: x")),
                container("copier", Some(0), None),
            ],
            ..task(4, "STOPPED")
        };
        assert_eq!(
            failed.words().unwrap(),
            format!("TaskFailedToStart; {pull}; main: CannotPullContainerError: x")
        );
        assert_eq!(task(1, "PENDING").words(), None);
    }

    #[test]
    fn an_image_that_is_not_there_is_not_there_for_the_next_task_either() {
        let with = |reason: &str| Task {
            stopped_reason: Some(reason.to_owned()),
            ..stopped()
        };
        let pull = "CannotPullContainerError: pull image manifest has been retried 5 time(s): ";
        for words in [
            "failed to resolve ref docker.io/library/no:1: docker.io/library/no:1: not found",
            "image Manifest does not contain descriptor matching platform 'linux/arm64'",
            "failed to resolve ref docker.io/x/y:1: pull access denied, repository does not exist",
        ] {
            assert!(
                with(&format!("{pull}{words}")).is_without_image(),
                "{words}"
            );
        }
        for reason in [
            format!("{pull}dial tcp 192.0.2.1:443: i/o timeout"),
            format!("{pull}toomanyrequests: Rate exceeded"),
            format!("{pull}parent snapshot sha256:0f does not exist: not found"),
            "ResourceInitializationError: secret: not found".to_owned(),
        ] {
            assert!(!with(&reason).is_without_image(), "{reason}");
        }
        let container = container("main", None, Some(&format!("{pull}manifest unknown")));
        let failed = Task {
            containers: vec![container],
            ..stopped()
        };
        assert!(failed.is_without_image());
    }

    #[test]
    fn it_is_billed_from_the_pull_to_the_stop() {
        let billed = stopped().billed().unwrap();
        assert_eq!(billed.until.duration_since(billed.from).as_secs(), 90);
        let never_pulled = Task {
            pull_started_at: None,
            started_at: None,
            ..stopped()
        };
        assert_eq!(never_pulled.billed(), None);
        assert_eq!(
            Task {
                stopped_at: None,
                ..stopped()
            }
            .billed(),
            None
        );
    }

    #[test]
    fn the_id_is_the_end_of_the_arn() {
        assert_eq!(stopped().id(), "0123456789abcdef0123456789abcdef");
    }
}
