//! Whose turn it is: neither what has moved nor what is looked after in rounds waits for the other.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use runvoy_app::Task;
use runvoy_core::id::ExecutionId;

/// How much of what has moved is under way at once, and how much of the rounds: neither waits for the other's turns.
const MOVED: usize = 16;
const ROUNDS: usize = 4;

/// Tasks that wait for their turn or have it; each is under way at most once.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// What has moved.
    ready: VecDeque<Task>,
    /// What this round of the reconciler has yet to look after.
    rounds: VecDeque<ExecutionId>,
    /// What is ready or under way.
    busy: HashMap<Task, Busy>,
    moved_under_way: usize,
    rounds_under_way: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Ready,
    UnderWay { lane: Lane, again: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Moved,
    Round,
}

impl Turns {
    /// Something has moved: the task is done soon, and again if it is under way.
    pub(crate) fn want(&mut self, task: Task) {
        match self.busy.get_mut(&task) {
            Some(Busy::Ready) => {}
            Some(Busy::UnderWay { again, .. }) => *again = true,
            None => {
                self.busy.insert(task.clone(), Busy::Ready);
                self.ready.push_back(task);
            }
        }
    }

    /// Executions to be looked after, unless that is being done.
    pub(crate) fn look_after(&mut self, executions: Vec<ExecutionId>) {
        self.rounds.extend(executions);
    }

    /// Whether those of the last round have had their turns.
    pub(crate) fn is_round_over(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The next task, which is under way from here on.
    pub(crate) fn next(&mut self) -> Option<Task> {
        self.next_moved().or_else(|| self.next_round())
    }

    /// It is under way no more, and would like to be done again after a while. Answers after how long it is to be: not
    /// where it is ready now because something has moved meanwhile, and not of a round, for rounds come by themselves.
    pub(crate) fn done(&mut self, task: &Task, again_after: Option<Duration>) -> Option<Duration> {
        let Some(Busy::UnderWay { lane, again }) = self.busy.remove(task) else {
            return None;
        };
        match lane {
            Lane::Moved => self.moved_under_way -= 1,
            Lane::Round => self.rounds_under_way -= 1,
        }
        if again {
            self.want(task.clone());
        }
        again_after.filter(|_| !again && lane == Lane::Moved)
    }

    fn next_moved(&mut self) -> Option<Task> {
        if self.moved_under_way >= MOVED {
            return None;
        }
        let task = self.ready.pop_front()?;
        self.moved_under_way += 1;
        Some(self.begin(task, Lane::Moved))
    }

    fn next_round(&mut self) -> Option<Task> {
        if self.rounds_under_way >= ROUNDS {
            return None;
        }
        loop {
            let task = Task::Drive(self.rounds.pop_front()?);
            if !self.busy.contains_key(&task) {
                self.rounds_under_way += 1;
                return Some(self.begin(task, Lane::Round));
            }
        }
    }

    fn begin(&mut self, task: Task, lane: Lane) -> Task {
        let busy = Busy::UnderWay { lane, again: false };
        self.busy.insert(task.clone(), busy);
        task
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ExecutionId {
        format!("0197f2a4c1d27c3e8b6a5d4e3f{number:06x}")
            .parse()
            .unwrap()
    }

    fn ids(count: usize) -> Vec<ExecutionId> {
        (0..count).map(id).collect()
    }

    fn drive(number: usize) -> Task {
        Task::Drive(id(number))
    }

    const AGAIN: Option<Duration> = Some(Duration::from_secs(1));

    /// All that may begin now.
    fn begun(turns: &mut Turns) -> Vec<Task> {
        std::iter::from_fn(|| turns.next()).collect()
    }

    #[test]
    fn a_task_is_under_way_once_and_again_where_something_moved_meanwhile() {
        let mut turns = Turns::default();
        turns.want(drive(1));
        turns.want(drive(1));
        assert_eq!(begun(&mut turns), [drive(1)]);
        turns.want(drive(1));
        turns.look_after(vec![id(1)]);
        assert_eq!(begun(&mut turns), [], "it is under way");
        assert_eq!(turns.done(&drive(1), AGAIN), None, "it is ready now");
        assert_eq!(begun(&mut turns), [drive(1)]);
        assert_eq!(turns.done(&drive(1), AGAIN), AGAIN);
        assert_eq!(begun(&mut turns), []);
    }

    #[test]
    fn rounds_that_hang_hold_up_nothing_that_moves() {
        let mut turns = Turns::default();
        turns.look_after(ids(100));
        assert_eq!(begun(&mut turns).len(), ROUNDS);
        assert!(!turns.is_round_over());
        for number in 200..300 {
            turns.want(drive(number));
        }
        assert_eq!(begun(&mut turns).len(), MOVED);
        assert_eq!(
            turns.done(&drive(0), AGAIN),
            None,
            "rounds come by themselves"
        );
        assert_eq!(begun(&mut turns), [drive(4)]);
    }

    #[test]
    fn what_moves_and_hangs_holds_up_no_round() {
        let mut turns = Turns::default();
        for number in 200..300 {
            turns.want(drive(number));
        }
        assert_eq!(begun(&mut turns).len(), MOVED);
        turns.look_after(ids(1));
        assert_eq!(begun(&mut turns), [drive(0)]);
    }

    #[test]
    fn everything_has_its_turn() {
        let mut turns = Turns::default();
        turns.look_after(ids(100));
        turns.want(drive(7));
        let mut done = Vec::new();
        while let Some(task) = turns.next() {
            turns.done(&task, None);
            done.push(task);
        }
        // The one that moved, and then the round with it.
        assert_eq!((done.len(), done[0].clone()), (101, drive(7)));
        assert!(turns.is_round_over());
    }
}
