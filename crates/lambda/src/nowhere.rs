//! The launcher of the function that may not launch.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::id::AttemptId;
use runvoy_core::log::Seq;
use runvoy_core::money::Cost;
use runvoy_ports::{
    CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit, UnfitKind,
};

/// Places nothing and knows of nothing: agents' calls need no launcher, and their function has no right to one.
#[derive(Debug)]
pub(crate) struct Nowhere;

const WHY: &str = "this function may not launch";

#[async_trait]
impl Launcher for Nowhere {
    fn name(&self, _: Option<&Container>) -> &'static str {
        "AWS"
    }

    fn plan(&self, _: &ContainerWish) -> Result<Option<Container>, Unfit> {
        Err(Unfit {
            field: "image",
            kind: UnfitKind::Unsupported,
            why: WHY.to_owned(),
        })
    }

    fn price(&self, _: &Container, _: Duration) -> Option<Cost> {
        None
    }

    /// Unknown, not refused: a refusal would end the attempt.
    async fn launch(&self, _: &LaunchRequest) -> Result<(), LaunchError> {
        Err(LaunchError::Unknown(WHY.into()))
    }

    fn progress(&self, _: &AttemptId) -> Option<String> {
        None
    }

    async fn probe(&self, _: &Placement) -> Presence {
        Presence::Unknown
    }

    async fn stop(&self, _: &Placement) {}

    async fn read_copy(&self, _: &Placement, _: Seq, _: usize) -> io::Result<CopyPage> {
        Err(io::Error::other(WHY))
    }

    async fn provider_lines(&self, _: &AttemptId) -> io::Result<Vec<String>> {
        Err(io::Error::other(WHY))
    }

    async fn clean_up(&self, _: &AttemptId) -> io::Result<()> {
        Err(io::Error::other(WHY))
    }
}
