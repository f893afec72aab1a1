//! The agent's own remarks in the log.

use std::sync::Arc;

use runvoy_core::log::Stream;
use runvoy_wire::agent::Spec;

use crate::clock;
use crate::frame::Batch;
use crate::line::Splitter;
use crate::mask::Secrets;
use crate::spool::Spool;

/// Writes `system` entries. They are masked like output, and exempt from the limit.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Where they go.
    pub(crate) spool: Arc<Spool>,
    /// What to mask.
    pub(crate) secrets: Secrets,
}

impl Journal {
    /// The opening lines: who asked, and for what.
    pub(crate) fn open(&self, spec: &Spec) {
        self.note(&format!(
            "Runvoy Runner execution started by requestID {}",
            spec.request_id
        ));
        self.note(&spec.shown_command);
    }

    /// Writes a remark, one entry a line.
    pub(crate) fn note(&self, text: &str) {
        let at = clock::now();
        let mut batch = Batch::default();
        let mut splitter = Splitter::default();
        let text = self.secrets.mask(text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        splitter.feed(format!("{text}\n").as_bytes(), &mut |line, has_end| {
            batch.push(at, Stream::System, line, has_end);
        });
        self.spool.append_exempt(&mut batch);
    }
}
