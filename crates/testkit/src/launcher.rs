//! A launcher that does what a test tells it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::execution::Evidence;
use runvoy_core::id::AttemptId;
use runvoy_core::log::{Entry, Seq};
use runvoy_core::money::{Cost, Money};
use runvoy_ports::{
    CopyEnd, CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit, UnfitKind,
};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// How a launch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptedLaunch {
    /// It is taken; the attempt is running from then on.
    Accept,
    /// A definite no, in these words.
    Refuse(String),
    /// A definite no to every attempt, in these words.
    RefuseForGood(String),
    /// No answer, and nothing runs.
    Lose,
    /// No answer, but the attempt runs.
    AcceptAndLose,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LauncherCall {
    /// `launch`.
    Launch(AttemptId),
    /// `probe`.
    Probe(Placement),
    /// `stop`.
    Stop(Placement),
    /// `read_copy`, above this number.
    ReadCopy(Placement, Seq),
    /// `clean_up`.
    CleanUp(AttemptId),
}

/// A launcher without anything behind it. Launches are accepted unless scripted otherwise; an attempt that was
/// never launched is gone, a launched one runs until [`ScriptedLauncher::set_presence`] says otherwise.
#[derive(Debug, Default)]
pub struct ScriptedLauncher(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    launches: VecDeque<ScriptedLaunch>,
    calls: Vec<LauncherCall>,
    tokens: HashMap<AttemptId, SecretString>,
    presence: HashMap<AttemptId, Presence>,
    copies: HashMap<AttemptId, (Vec<Entry>, Option<CopyEnd>)>,
    provider_lines: HashMap<AttemptId, Vec<String>>,
    container: Option<Container>,
}

/// The cause of a launch without an answer.
#[derive(Debug, Error)]
#[error("a scripted silence")]
pub struct Silence;

impl ScriptedLauncher {
    /// A launcher that accepts everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the next launch goes that has not been scripted yet.
    pub fn script(&self, launch: ScriptedLaunch) {
        self.0.lock().unwrap().launches.push_back(launch);
    }

    /// What `probe` says of the attempt from now on.
    pub fn set_presence(&self, attempt: &AttemptId, presence: Presence) {
        let mut script = self.0.lock().unwrap();
        script.presence.insert(attempt.clone(), presence);
    }

    /// The second copy of the attempt's log.
    pub fn set_copy(&self, attempt: &AttemptId, entries: Vec<Entry>, end: Option<CopyEnd>) {
        let mut script = self.0.lock().unwrap();
        script.copies.insert(attempt.clone(), (entries, end));
    }

    /// What the provider itself has of the attempt.
    pub fn set_provider_lines(&self, attempt: &AttemptId, lines: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let mut script = self.0.lock().unwrap();
        script.provider_lines.insert(attempt.clone(), lines);
    }

    /// Runs containers from now on: like this one where nothing else is wished for.
    pub fn run_containers(&self, standard: Container) {
        self.0.lock().unwrap().container = Some(standard);
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<LauncherCall> {
        self.0.lock().unwrap().calls.clone()
    }

    /// Every attempt that was to be launched, in order, repeats too.
    pub fn launched(&self) -> Vec<AttemptId> {
        let calls = self.calls().into_iter();
        calls
            .filter_map(|call| match call {
                LauncherCall::Launch(attempt) => Some(attempt),
                _ => None,
            })
            .collect()
    }

    /// The token that the attempt was last launched with.
    pub fn token(&self, attempt: &AttemptId) -> Option<String> {
        let script = self.0.lock().unwrap();
        Some(script.tokens.get(attempt)?.expose_secret().to_owned())
    }
}

#[async_trait]
impl Launcher for ScriptedLauncher {
    fn name(&self, _: Option<&Container>) -> &'static str {
        "scripted"
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit> {
        let script = self.0.lock().unwrap();
        let Some(standard) = &script.container else {
            return match wish.first_field() {
                None => Ok(None),
                Some(field) => Err(Unfit {
                    field,
                    kind: UnfitKind::Unsupported,
                    why: "this launcher runs no containers".to_owned(),
                }),
            };
        };
        Ok(Some(Container {
            image: wish.image.clone().unwrap_or_else(|| standard.image.clone()),
            cpu: wish.cpu.unwrap_or(standard.cpu),
            memory: wish.memory.unwrap_or(standard.memory),
            ..standard.clone()
        }))
    }

    /// A micro-dollar a second.
    fn price(&self, _: &Container, billed: Duration) -> Option<Cost> {
        let seconds = i64::try_from(billed.as_secs()).unwrap_or(i64::MAX);
        Some(Cost::of(Money::from_micro_dollars(seconds)))
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        let mut script = self.0.lock().unwrap();
        let attempt = &request.attempt;
        script.calls.push(LauncherCall::Launch(attempt.clone()));
        script.tokens.insert(attempt.clone(), request.token.clone());
        let launch = script
            .launches
            .pop_front()
            .unwrap_or(ScriptedLaunch::Accept);
        if matches!(
            launch,
            ScriptedLaunch::Accept | ScriptedLaunch::AcceptAndLose
        ) {
            script.presence.insert(attempt.clone(), Presence::Running);
        }
        match launch {
            ScriptedLaunch::Accept => Ok(()),
            ScriptedLaunch::Refuse(words) => Err(LaunchError::Refused(words)),
            ScriptedLaunch::RefuseForGood(words) => Err(LaunchError::Impossible(words)),
            ScriptedLaunch::Lose | ScriptedLaunch::AcceptAndLose => {
                Err(LaunchError::Unknown(Box::new(Silence)))
            }
        }
    }

    fn progress(&self, _: &AttemptId) -> Option<String> {
        None
    }

    async fn probe(&self, placement: &Placement) -> Presence {
        let mut script = self.0.lock().unwrap();
        script.calls.push(LauncherCall::Probe(placement.clone()));
        let presence = script.presence.get(&placement.attempt);
        presence
            .cloned()
            .unwrap_or_else(|| Presence::Gone(Evidence::default()))
    }

    async fn stop(&self, placement: &Placement) {
        let mut script = self.0.lock().unwrap();
        script.calls.push(LauncherCall::Stop(placement.clone()));
    }

    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        let mut script = self.0.lock().unwrap();
        script
            .calls
            .push(LauncherCall::ReadCopy(placement.clone(), after));
        let Some((entries, end)) = script.copies.get(&placement.attempt) else {
            return Ok(CopyPage::default());
        };
        let mut room = max_bytes;
        let rest = entries.iter().filter(|entry| entry.seq > after);
        let page: Vec<Entry> = rest
            .take_while(|entry| {
                let fits = room > 0;
                room = room.saturating_sub(entry.text.len() + 1);
                fits
            })
            .cloned()
            .collect();
        let is_last = page.last().map(|entry| entry.seq).max(Some(after))
            >= entries.last().map(|entry| entry.seq);
        Ok(CopyPage {
            entries: page,
            end: end.filter(|_| is_last),
        })
    }

    async fn provider_lines(&self, attempt: &AttemptId) -> io::Result<Vec<String>> {
        let script = self.0.lock().unwrap();
        Ok(script
            .provider_lines
            .get(attempt)
            .cloned()
            .unwrap_or_default())
    }

    async fn clean_up(&self, attempt: &AttemptId) -> io::Result<()> {
        let mut script = self.0.lock().unwrap();
        script.calls.push(LauncherCall::CleanUp(attempt.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn placement() -> Placement {
        Placement {
            attempt: AttemptId::new(sample::execution_id(1), 1),
            place: None,
        }
    }

    fn request() -> LaunchRequest {
        LaunchRequest {
            attempt: placement().attempt,
            token: "token".into(),
            container: None,
        }
    }

    #[tokio::test]
    async fn launches_go_as_scripted_then_well() {
        let launcher = ScriptedLauncher::new();
        launcher.script(ScriptedLaunch::Refuse("no room".into()));
        let refused = launcher.launch(&request()).await;
        assert!(matches!(refused, Err(LaunchError::Refused(words)) if words == "no room"));
        assert!(matches!(
            launcher.probe(&placement()).await,
            Presence::Gone(_)
        ));
        assert!(launcher.launch(&request()).await.is_ok());
        assert_eq!(launcher.probe(&placement()).await, Presence::Running);
        assert_eq!(launcher.launched().len(), 2);
        assert_eq!(
            launcher.token(&placement().attempt).as_deref(),
            Some("token")
        );
    }

    #[tokio::test]
    async fn the_copy_comes_in_pages_and_ends_once() {
        let launcher = ScriptedLauncher::new();
        let end = (Seq::new(3), "none exit 0".parse().unwrap());
        launcher.set_copy(&placement().attempt, sample::entries(1, 3), Some(end));
        let first = launcher
            .read_copy(&placement(), Seq::START, 8)
            .await
            .unwrap();
        assert_eq!((first.entries.len(), first.end), (2, None));
        let last = launcher
            .read_copy(&placement(), Seq::new(2), 8)
            .await
            .unwrap();
        assert_eq!((last.entries.len(), last.end), (1, Some(end)));
    }
}
