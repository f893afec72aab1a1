//! An agent without a command: it says what a test makes it say.

use runvoy_app::{AgentCall, AppError, Finish, FinishAnswer, PushAnswer, Start, StartAnswer};
use runvoy_core::execution::Execution;
use runvoy_core::id::{AttemptId, BootNonce};
use runvoy_core::log::{Entry, Seq};
use runvoy_core::outcome::{EndedBy, ProcessEnd, Report};
use runvoy_ports::Clock as _;
use runvoy_testkit::sample;
use secrecy::ExposeSecret as _;

use super::World;

/// One boot of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) attempt: AttemptId,
    nonce: BootNonce,
    session: Option<String>,
    last_seq: u64,
}

impl Agent {
    pub(crate) fn new(attempt: AttemptId, boot: u8) -> Self {
        Self {
            attempt,
            nonce: sample::nonce(boot),
            session: None,
            last_seq: 0,
        }
    }

    /// The first boot in the execution's newest attempt.
    pub(crate) fn of(execution: &Execution) -> Self {
        Self::new(execution.attempt().unwrap(), 1)
    }

    /// Asks for the command, with the token that the launcher was given.
    pub(crate) async fn start(&mut self, world: &World) -> Result<StartAnswer, AppError> {
        let token = world.launcher.token(&self.attempt).unwrap();
        let call = AgentCall {
            attempt: &self.attempt,
            token: &token,
        };
        let start = Start {
            nonce: self.nonce.clone(),
            place: "process 4711".parse().unwrap(),
        };
        let answer = world.app.agent_start(&call, &start).await?;
        self.session = Some(answer.session.expose_secret().to_owned());
        Ok(answer)
    }

    /// Whether it was ever let in.
    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    fn call(&self) -> AgentCall<'_> {
        AgentCall {
            attempt: &self.attempt,
            token: self.session.as_deref().unwrap_or("none"),
        }
    }

    /// Hands over lines after those that were accepted; those that are not accepted are to be said again.
    pub(crate) async fn say(&mut self, world: &World, lines: &[&str]) -> Result<(), AppError> {
        let numbered = (self.last_seq + 1..).zip(lines);
        let entries: Vec<_> = numbered
            .map(|(seq, text)| sample::entry(seq, text))
            .collect();
        let answer = self.push(world, &entries).await?;
        self.last_seq = answer.next.number() - 1;
        Ok(())
    }

    pub(crate) async fn push(
        &self,
        world: &World,
        entries: &[Entry],
    ) -> Result<PushAnswer, AppError> {
        world.app.agent_push(&self.call(), entries).await
    }

    /// Reports that the command exited by itself.
    pub(crate) async fn exit(&self, world: &World, code: i32) -> Result<FinishAnswer, AppError> {
        let end = ProcessEnd::Exited(code);
        let ended_by = EndedBy::Itself;
        self.finish(world, Report { ended_by, end }).await
    }

    /// Reports that the command was ended as the control plane asked.
    pub(crate) async fn obey(&self, world: &World) -> Result<FinishAnswer, AppError> {
        let end = ProcessEnd::Signaled(15);
        let ended_by = EndedBy::Cancel;
        self.finish(world, Report { ended_by, end }).await
    }

    async fn finish(&self, world: &World, report: Report) -> Result<FinishAnswer, AppError> {
        let finish = Finish {
            report,
            ended_at: world.clock.now(),
            last_seq: Seq::new(self.last_seq),
            message: None,
        };
        world.app.agent_finish(&self.call(), &finish).await
    }

    /// Its place ends.
    pub(crate) fn leave(&self, world: &World) {
        world.launcher.end(&self.attempt);
    }
}
