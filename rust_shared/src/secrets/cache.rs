//! When a secret's value is fetched: first, when it is no longer fresh, and when it was refused. The fetch and the clock
//! are the caller's, so that all of it is decided without AWS.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::{Error, Value};

/// How long whoever cannot be reached is left alone while there is an old value.
const LATER: Duration = Duration::from_secs(10);
/// A refused value is not asked for again sooner: who refuses what is current would make each request a fetch. The first
/// refusal is asked for at once, however fresh the value is: it may have been rotated since.
const AT_MOST_EVERY: Duration = Duration::from_secs(2);

/// One value, how long it is kept, and what is known of it.
#[derive(Debug)]
pub(super) struct Cache {
    kept: Duration,
    /// Held while fetching: requests that come meanwhile wait for that one fetch.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: Option<Known>,
    /// When a refusal made it ask last.
    refused: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    value: Value,
    ask_again: Instant,
}

impl Cache {
    pub const fn new(kept: Duration) -> Self {
        Self { kept, state: Mutex::const_new(State { known: None, refused: None }) }
    }

    /// The value that is known while it is fresh, else a fetched one, else the old one.
    pub async fn value<F>(&self, now: Instant, fetch: impl FnOnce() -> F) -> Result<Value, Error>
    where
        F: Future<Output = Result<Value, Error>>,
    {
        let mut state = self.state.lock().await;
        match state.known.as_mut() {
            Some(one) if now < one.ask_again => Ok(one.value.clone()),
            Some(one) => match fetch().await {
                Ok(value) => Ok(self.learn(&mut state, value, now)),
                Err(error) => {
                    tracing::warn!(%error, "the secret as it was goes on");
                    one.ask_again = now + LATER;
                    Ok(one.value.clone())
                }
            },
            None => Ok(self.learn(&mut state, fetch().await?, now)),
        }
    }

    /// The value after this one was refused: the known one where it is another, else a fetched one.
    pub async fn refused<F>(&self, now: Instant, refused: &Value, fetch: impl FnOnce() -> F) -> Result<Value, Error>
    where
        F: Future<Output = Result<Value, Error>>,
    {
        let mut state = self.state.lock().await;
        let asked = state.refused.is_some_and(|before| now < before + AT_MOST_EVERY);
        if let Some(one) = &state.known
            && (one.value != *refused || asked)
        {
            return Ok(one.value.clone());
        }
        state.refused = Some(now);
        let value = fetch().await?;
        Ok(self.learn(&mut state, value, now))
    }

    fn learn(&self, state: &mut State, value: Value, now: Instant) -> Value {
        state.known = Some(Known { value: value.clone(), ask_again: now + self.kept });
        value
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::telemetry::testing::Lines;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Secrets Manager as a test sets it: what is current, and how often it was asked.
    struct Store {
        current: RefCell<Result<Value, Error>>,
        asked: Cell<u32>,
    }

    impl Store {
        fn with(version: &str) -> Self {
            Self { current: RefCell::new(Ok(value(version))), asked: Cell::new(0) }
        }

        fn rotate(&self, version: &str) {
            let _ = self.current.replace(Ok(value(version)));
        }

        async fn fetch(&self) -> Result<Value, Error> {
            self.asked.set(self.asked.get() + 1);
            tokio::task::yield_now().await;
            self.current.borrow().clone()
        }
    }

    fn value(version: &str) -> Value {
        Value::new(version, &format!("the {version} value"), None)
    }

    #[tokio::test]
    async fn it_is_fetched_once_while_it_is_fresh() {
        let (cache, store, start) = (Cache::new(5 * MINUTE), Store::with("first"), Instant::now());
        for minute in 0..5 {
            assert_eq!(cache.value(start + minute * MINUTE, || store.fetch()).await.unwrap(), value("first"));
        }
        store.rotate("second");
        assert_eq!(store.asked.get(), 1);
        assert_eq!(cache.value(start + 5 * MINUTE, || store.fetch()).await.unwrap(), value("second"));
        assert_eq!(store.asked.get(), 2);
    }

    #[tokio::test]
    async fn requests_at_the_same_time_are_one_fetch() {
        let (cache, store, now) = (Cache::new(MINUTE), Store::with("first"), Instant::now());
        let ask = || cache.value(now, || store.fetch());
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert!([one, two, three].into_iter().all(|asked| asked == Ok(value("first"))));
        assert_eq!(store.asked.get(), 1);
    }

    #[tokio::test]
    async fn what_was_refused_after_a_rotation_is_fetched_at_once_and_once() {
        let (cache, store, start) = (Cache::new(5 * MINUTE), Store::with("first"), Instant::now());
        let old = cache.value(start, || store.fetch()).await.unwrap();
        store.rotate("second");
        let now = start + MINUTE;
        let refused = || cache.refused(now, &old, || store.fetch());
        let (one, two) = tokio::join!(refused(), refused());
        assert_eq!((one.unwrap(), two.unwrap()), (value("second"), value("second")));
        assert_eq!(store.asked.get(), 2, "the second request found what the first had fetched");
        assert_eq!(cache.value(now + MINUTE, || store.fetch()).await.unwrap(), value("second"));
    }

    #[tokio::test]
    async fn what_was_rotated_right_after_it_was_fetched_is_fetched_again() {
        let (cache, store, now) = (Cache::new(5 * MINUTE), Store::with("first"), Instant::now());
        let old = cache.value(now, || store.fetch()).await.unwrap();
        store.rotate("second");
        assert_eq!(cache.refused(now, &old, || store.fetch()).await.unwrap(), value("second"));
    }

    #[tokio::test]
    async fn whoever_refuses_what_is_current_does_not_make_each_request_a_fetch() {
        let (cache, store, start) = (Cache::new(5 * MINUTE), Store::with("first"), Instant::now());
        let current = cache.value(start, || store.fetch()).await.unwrap();
        for milliseconds in (0..4000).step_by(100) {
            let now = start + Duration::from_millis(milliseconds);
            assert_eq!(cache.refused(now, &current, || store.fetch()).await.unwrap(), current);
        }
        assert_eq!(store.asked.get(), 3, "the first, and one every two seconds");
    }

    #[tokio::test]
    async fn an_old_value_goes_on_while_nobody_answers() {
        let (cache, store, start) = (Cache::new(MINUTE), Store::with("first"), Instant::now());
        cache.value(start, || store.fetch()).await.unwrap();
        let _ = store.current.replace(Err(Error("away".into())));
        let lines = Lines::capture();
        for second in 60..70 {
            let now = start + Duration::from_secs(second);
            assert_eq!(cache.value(now, || store.fetch()).await.unwrap(), value("first"));
        }
        assert_eq!(store.asked.get(), 2, "it is left alone for ten seconds");
        assert_eq!(lines.all()[0]["error"], "away");
        store.rotate("second");
        assert_eq!(cache.value(start + Duration::from_secs(70), || store.fetch()).await.unwrap(), value("second"));
    }

    #[tokio::test]
    async fn without_any_value_the_error_is_the_callers() {
        let (cache, store, now) = (Cache::new(MINUTE), Store::with("first"), Instant::now());
        let _ = store.current.replace(Err(Error("away".into())));
        assert!(cache.value(now, || store.fetch()).await.is_err());
        assert!(cache.refused(now, &value("first"), || store.fetch()).await.is_err());
        store.rotate("first");
        assert_eq!(cache.value(now, || store.fetch()).await.unwrap(), value("first"));
    }
}
