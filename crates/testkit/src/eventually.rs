//! Waiting for a condition instead of for a time.

use std::panic::Location;
use std::time::{Duration, Instant};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Asks `look` until it answers something, and returns that; panics, naming the caller, if it never does.
#[track_caller]
pub fn eventually<T, F, Answer>(deadline: Duration, mut look: F) -> impl Future<Output = T>
where
    F: FnMut() -> Answer,
    Answer: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        loop {
            if let Some(answer) = look().await {
                return answer;
            }
            assert!(
                Instant::now() < end,
                "what {caller} waits for did not happen within {deadline:?}"
            );
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_returns_the_first_answer() {
        let mut looks = 0;
        let answer = eventually(Duration::from_secs(5), || {
            looks += 1;
            let answer = (looks == 3).then_some(looks);
            async move { answer }
        });
        assert_eq!(answer.await, 3);
    }
}
