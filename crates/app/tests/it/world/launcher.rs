//! The scripted launcher, with answers that can be held back and copies that cannot be read.

use std::io;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::execution::{Evidence, Execution};
use runvoy_core::id::AttemptId;
use runvoy_core::log::Seq;
use runvoy_core::money::Cost;
use runvoy_ports::{CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit};
use runvoy_testkit::{LauncherCall, ScriptedLauncher};
use tokio::sync::Semaphore;

/// What can be asked of a launcher and be answered late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Launch,
    Probe,
    Copy,
}

#[derive(Debug)]
pub(crate) struct TestLauncher {
    script: ScriptedLauncher,
    holds: Mutex<Option<Asked>>,
    answers: Semaphore,
    held: AtomicUsize,
    is_unreadable: AtomicBool,
    price: Mutex<Option<Cost>>,
}

impl Default for TestLauncher {
    fn default() -> Self {
        Self {
            script: ScriptedLauncher::new(),
            holds: Mutex::new(None),
            answers: Semaphore::new(0),
            held: AtomicUsize::new(0),
            is_unreadable: AtomicBool::new(false),
            price: Mutex::default(),
        }
    }
}

impl TestLauncher {
    /// From now on the answers to this come only as [`answer`](Self::answer) says.
    pub(crate) fn hold(&self, asked: Asked) {
        *self.holds.lock().unwrap() = Some(asked);
    }

    /// Lets one answer come that is held back.
    pub(crate) fn answer(&self) {
        self.answers.add_permits(1);
    }

    /// Lets all answers come, and those of the future too.
    pub(crate) fn answer_all(&self) {
        *self.holds.lock().unwrap() = None;
        self.answers.add_permits(1000);
    }

    /// Keeps an answer that was made until it may come.
    async fn keep(&self, asked: Asked) {
        let is_held = *self.holds.lock().unwrap() == Some(asked);
        if is_held {
            self.held.fetch_add(1, Ordering::SeqCst);
            self.answers.acquire().await.unwrap().forget();
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// How many answers are held back now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// Whether copies, and the provider's lines, can be read from now on.
    pub(crate) fn set_readable(&self, is_readable: bool) {
        self.is_unreadable.store(!is_readable, Ordering::SeqCst);
    }

    /// From now on every time costs this, however long it is.
    pub(crate) fn set_price(&self, price: Cost) {
        *self.price.lock().unwrap() = Some(price);
    }

    /// Ends the place of the attempt without a word.
    pub(crate) fn end(&self, attempt: &AttemptId) {
        self.set_presence(attempt, Presence::Gone(Evidence::default()));
    }

    /// Ends the places of all attempts.
    pub(crate) fn end_all(&self) {
        for attempt in self.launched() {
            self.end(&attempt);
        }
    }

    /// Whether the attempt's place was told to end.
    pub(crate) fn was_stopped(&self, attempt: &AttemptId) -> bool {
        let calls = self.calls();
        calls
            .iter()
            .any(|call| matches!(call, LauncherCall::Stop(stopped) if stopped.attempt == *attempt))
    }

    /// Whether every attempt that was launched for the execution was cleaned up.
    pub(crate) fn has_cleaned_up_all_of(&self, execution: &Execution) -> bool {
        let calls = self.calls();
        let launched = self.launched().into_iter();
        launched
            .filter(|attempt| attempt.execution() == execution.id())
            .all(|attempt| calls.contains(&LauncherCall::CleanUp(attempt)))
    }
}

impl Deref for TestLauncher {
    type Target = ScriptedLauncher;

    fn deref(&self) -> &ScriptedLauncher {
        &self.script
    }
}

#[async_trait]
impl Launcher for TestLauncher {
    fn name(&self, container: Option<&Container>) -> &'static str {
        self.script.name(container)
    }

    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit> {
        self.script.plan(wish)
    }

    fn price(&self, container: &Container, billed: Duration) -> Option<Cost> {
        let price = *self.price.lock().unwrap();
        price.or_else(|| self.script.price(container, billed))
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError> {
        let answer = self.script.launch(request).await;
        self.keep(Asked::Launch).await;
        answer
    }

    fn progress(&self, _: &AttemptId) -> Option<String> {
        None
    }

    async fn probe(&self, placement: &Placement) -> Presence {
        let presence = self.script.probe(placement).await;
        self.keep(Asked::Probe).await;
        presence
    }

    async fn stop(&self, placement: &Placement) {
        self.script.stop(placement).await;
    }

    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        if self.is_unreadable.load(Ordering::SeqCst) {
            return Err(io::Error::other("an unreadable copy"));
        }
        let page = self.script.read_copy(placement, after, max_bytes).await;
        self.keep(Asked::Copy).await;
        page
    }

    async fn provider_lines(&self, attempt: &AttemptId) -> io::Result<Vec<String>> {
        if self.is_unreadable.load(Ordering::SeqCst) {
            return Err(io::Error::other("unreadable lines"));
        }
        self.script.provider_lines(attempt).await
    }

    async fn clean_up(&self, attempt: &AttemptId) -> io::Result<()> {
        self.script.clean_up(attempt).await
    }
}
