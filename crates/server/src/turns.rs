//! Whose turn it is: what has moved comes first, and what is looked after in turn holds none of it up.

use std::collections::{HashMap, VecDeque};

use runvoy_app::Task;
use runvoy_core::id::ExecutionId;

/// Tasks under way at once.
const WORKERS: usize = 16;
/// How many of them may be rounds: those that hang leave room for what has moved.
const ROUNDS: usize = 4;

/// Tasks that wait for their turn or have it; each is under way at most once.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// What has moved.
    ready: VecDeque<Task>,
    /// What is looked after in turn.
    rounds: VecDeque<ExecutionId>,
    /// What is ready or under way.
    busy: HashMap<Task, Busy>,
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
        if self.under_way(|_| true) >= WORKERS {
            return None;
        }
        if let Some(task) = self.ready.pop_front() {
            return Some(self.begin(task, Lane::Moved));
        }
        if self.under_way(|lane| lane == Lane::Round) >= ROUNDS {
            return None;
        }
        while let Some(id) = self.rounds.pop_front() {
            let task = Task::Drive(id);
            if !self.busy.contains_key(&task) {
                return Some(self.begin(task, Lane::Round));
            }
        }
        None
    }

    /// It is under way no more. Answers whether it counts when it wants to be done again: not where something has moved
    /// meanwhile and it is ready now, and not where it was a round's, for rounds come by themselves.
    pub(crate) fn done(&mut self, task: &Task) -> bool {
        match self.busy.remove(task) {
            Some(Busy::UnderWay { again: true, .. }) => {
                self.want(task.clone());
                false
            }
            Some(Busy::UnderWay { lane, .. }) => lane == Lane::Moved,
            Some(Busy::Ready) | None => false,
        }
    }

    fn begin(&mut self, task: Task, lane: Lane) -> Task {
        let busy = Busy::UnderWay { lane, again: false };
        self.busy.insert(task.clone(), busy);
        task
    }

    fn under_way(&self, is_meant: impl Fn(Lane) -> bool) -> usize {
        let busy = self.busy.values();
        busy.filter(|busy| matches!(busy, Busy::UnderWay { lane, .. } if is_meant(*lane)))
            .count()
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

    #[test]
    fn a_task_is_under_way_once_and_again_where_something_moved_meanwhile() {
        let mut turns = Turns::default();
        turns.want(drive(1));
        turns.want(drive(1));
        assert_eq!(turns.next(), Some(drive(1)));
        assert_eq!(turns.next(), None);
        turns.want(drive(1));
        turns.look_after(vec![id(1)]);
        assert_eq!(turns.next(), None, "it is under way");
        assert!(!turns.done(&drive(1)), "it is ready now");
        assert_eq!(turns.next(), Some(drive(1)));
        assert!(turns.done(&drive(1)));
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn rounds_that_hang_hold_up_nothing_that_moves() {
        let mut turns = Turns::default();
        turns.look_after(ids(100));
        let rounds = std::iter::from_fn(|| turns.next()).count();
        assert_eq!(rounds, ROUNDS);
        assert!(!turns.is_round_over());
        for number in 200..300 {
            turns.want(drive(number));
        }
        assert_eq!(turns.next(), Some(drive(200)));
        let moved = 1 + std::iter::from_fn(|| turns.next()).count();
        assert_eq!(moved, WORKERS - ROUNDS);
        assert!(!turns.done(&drive(0)), "the next round comes by itself");
        assert_eq!(turns.next(), Some(drive(212)), "what has moved comes first");
    }

    #[test]
    fn everything_has_its_turn() {
        let mut turns = Turns::default();
        turns.look_after(ids(100));
        turns.want(drive(7));
        let mut done = Vec::new();
        while let Some(task) = turns.next() {
            done.push(task.clone());
            turns.done(&task);
        }
        // The one that moved, and then the round with it.
        assert_eq!((done.len(), done[0].clone()), (101, drive(7)));
        assert!(turns.is_round_over());
    }
}
