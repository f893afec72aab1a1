//! Followers, and what they have seen.

use anyhow::{Context as _, Result, ensure};
use runvoy_client::api::{Api, LogsQuery};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::followers::pipe::line;

/// How long the server may wait for an entry, in seconds, as the command line asks.
const WAIT: u64 = 10;

/// Which follower has the lines up to which number.
type Report = (usize, u64);

/// One follower.
#[derive(Debug)]
pub(crate) struct Reader {
    number: usize,
    api: Api,
    id: String,
    reports: UnboundedSender<Report>,
}

impl Reader {
    /// Somebody who follows the execution with this id.
    pub(crate) fn new(number: usize, api: Api, id: &str, reports: UnboundedSender<Report>) -> Self {
        let id = id.to_owned();
        Self {
            number,
            api,
            id,
            reports,
        }
    }

    /// Reads to the end, where every line must come once and in order; answers how many there were.
    pub(crate) async fn read(self) -> Result<u64> {
        let (mut after, mut lines) = (0, 0);
        loop {
            let query = LogsQuery {
                after,
                limit: None,
                wait: WAIT,
            };
            let page = self.api.logs(&self.id, query).await?;
            after = page.next;
            let events = page.events.unwrap_or_default();
            for event in events.iter().filter(|event| event.stream == "stdout") {
                lines += 1;
                let expected = line(lines);
                ensure!(
                    event.message == expected,
                    "follower {} has {:?} instead of {expected:?}",
                    self.number,
                    event.message
                );
            }
            // Nobody listens any more once another follower has failed.
            let _heard = self.reports.send((self.number, lines));
            if page.complete {
                return Ok(lines);
            }
        }
    }
}

/// What all followers have seen.
#[derive(Debug)]
pub(crate) struct Arrivals {
    reports: UnboundedReceiver<Report>,
    reached: Vec<u64>,
}

impl Arrivals {
    /// Of so many followers; and where they report.
    pub(crate) fn of(followers: usize) -> (Self, UnboundedSender<Report>) {
        let (reporting, reports) = unbounded_channel();
        let arrivals = Self {
            reports,
            reached: vec![0; followers],
        };
        (arrivals, reporting)
    }

    /// Waits until each has this line.
    pub(crate) async fn all_have(&mut self, last: u64) -> Result<()> {
        let mut waiting = self
            .reached
            .iter()
            .filter(|reached| **reached < last)
            .count();
        while waiting > 0 {
            let (number, lines) = self.reports.recv().await.context("no follower is left")?;
            let reached = self
                .reached
                .get_mut(number)
                .context("nobody has this number")?;
            if *reached < last && lines >= last {
                waiting -= 1;
            }
            *reached = lines;
        }
        Ok(())
    }
}
