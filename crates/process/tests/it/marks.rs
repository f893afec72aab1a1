//! Process numbers come again: only the very process that was meant marks a session.

use std::fs;
use std::process::{Child, Command};

use runvoy_ports::{Launcher as _, Placement, Presence};
use runvoy_testkit::eventually;
use runvoy_wire::process_place::{ProcessPlace, start_in_stat};
use rustix::process::Pid;

use crate::stage::{STAYS, Stage, dies, is_alive, kill};

/// A process of nobody's that heads a session.
struct Bystander(Child);

impl Bystander {
    async fn new() -> Self {
        let child = Command::new("setsid")
            .args(["sleep", "1000"])
            .spawn()
            .unwrap();
        let bystander = Self(child);
        eventually(std::time::Duration::from_mins(1), || async {
            let comm = fs::read_to_string(format!("/proc/{}/comm", bystander.0.id()));
            comm.is_ok_and(|name| name == "sleep\n").then_some(())
        })
        .await;
        bystander
    }

    fn place(&self) -> ProcessPlace {
        let pid = self.0.id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        ProcessPlace {
            pid,
            start: start_in_stat(&stat).unwrap(),
            boot: boot.trim().to_owned(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap()
    }

    fn is_alive(&self) -> bool {
        is_alive(self.pid())
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // It may be dead already.
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn at(stage: &Stage, place: &ProcessPlace) -> Placement {
    Placement {
        place: Some(place.to_string().parse().unwrap()),
        ..stage.placement()
    }
}

#[tokio::test]
async fn a_place_with_another_start_marks_nobody() {
    let (stage, bystander) = (Stage::new(STAYS), Bystander::new().await);
    let mut place = bystander.place();
    place.start += 1;
    let presence = stage.launcher.probe(&at(&stage, &place)).await;
    assert!(matches!(presence, Presence::Gone(_)));
    stage.launcher.stop(&at(&stage, &place)).await;
    assert!(bystander.is_alive());
}

#[tokio::test]
async fn a_place_of_another_boot_marks_nobody() {
    let (stage, bystander) = (Stage::new(STAYS), Bystander::new().await);
    let mut place = bystander.place();
    place.boot = "another".to_owned();
    let presence = stage.launcher.probe(&at(&stage, &place)).await;
    assert!(matches!(presence, Presence::Gone(_)));
    stage.launcher.stop(&at(&stage, &place)).await;
    assert!(bystander.is_alive());
}

#[tokio::test]
async fn a_place_that_is_still_the_same_process_marks_its_session() {
    let (stage, bystander) = (Stage::new(STAYS), Bystander::new().await);
    stage.launcher.stop(&at(&stage, &bystander.place())).await;
    dies(bystander.pid()).await;
}

#[tokio::test]
async fn a_place_that_is_no_process_marks_nobody() {
    let stage = Stage::new(STAYS);
    let elsewhere = Placement {
        place: Some("arn:aws:ecs:task/17".parse().unwrap()),
        ..stage.placement()
    };
    let presence = stage.launcher.probe(&elsewhere).await;
    assert!(matches!(presence, Presence::Gone(_)));
}

#[tokio::test]
async fn a_process_that_is_only_not_waited_for_yet_keeps_nothing_open() {
    let (stage, bystander) = (Stage::new(STAYS), Bystander::new().await);
    let place = bystander.place();
    kill(bystander.pid());
    dies(bystander.pid()).await;
    assert!(fs::exists(format!("/proc/{}/stat", place.pid)).unwrap());
    let presence = stage.launcher.probe(&at(&stage, &place)).await;
    assert!(matches!(presence, Presence::Gone(_)));
}
