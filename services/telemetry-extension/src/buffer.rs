//! What waits to be sent: bounded in number and bytes, the oldest goes first, and what went is counted.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::encode::Record;

/// Records that are kept at most.
pub const MOST: usize = 5_000;
/// Bytes that are kept at most.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Records, bytes and time after which a batch is sent.
pub const BATCH: usize = 500;
const BATCH_BYTES: usize = 512 * 1024;
const BATCH_TIME: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Kept {
    records: VecDeque<Record>,
    bytes: usize,
    dropped: u64,
    since: Option<Instant>,
    grew: Option<Instant>,
    out: usize,
    flushing: Option<Instant>,
}

/// Records on their way, shared by who receives and who sends them.
#[derive(Default)]
pub struct Buffer {
    kept: Mutex<Kept>,
    changed: Condvar,
}

/// What is sent at once, and how many records were dropped before it.
pub struct Batch {
    /// In the order they came.
    pub records: Vec<Record>,
    /// Since the batch before.
    pub dropped: u64,
}

impl Buffer {
    /// Takes records in; the oldest go where there is no room.
    pub fn put(&self, records: Vec<Record>) {
        let mut kept = self.lock();
        let now = Instant::now();
        kept.grew = Some(now);
        for record in records {
            kept.bytes += record.size();
            kept.records.push_back(record);
            while kept.records.len() > MOST || kept.bytes > MOST_BYTES {
                let Some(oldest) = kept.records.pop_front() else { break };
                kept.bytes -= oldest.size();
                kept.dropped += 1;
            }
        }
        kept.since.get_or_insert(now);
        self.changed.notify_all();
    }

    /// Waits for a batch: full, old enough, or the last ones.
    pub fn batch(&self) -> Batch {
        let mut kept = self.lock();
        loop {
            let waited = kept.since.map_or(Duration::ZERO, |since| since.elapsed());
            let full = kept.records.len() >= BATCH || kept.bytes >= BATCH_BYTES;
            if !kept.records.is_empty() && (full || waited >= BATCH_TIME || kept.flushing.is_some()) {
                break;
            }
            kept = if kept.records.is_empty() {
                self.changed.wait(kept).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.changed
                    .wait_timeout(kept, BATCH_TIME.saturating_sub(waited))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            };
        }
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < BATCH && bytes < BATCH_BYTES {
            let Some(record) = kept.records.pop_front() else { break };
            bytes += record.size();
            records.push(record);
        }
        kept.bytes -= bytes;
        kept.since = (!kept.records.is_empty()).then(Instant::now);
        kept.out = records.len();
        Batch { records, dropped: std::mem::take(&mut kept.dropped) }
    }

    /// The last batch is through: sent, or given up with what was dropped before it.
    pub fn done(&self, given_up: u64) {
        let mut kept = self.lock();
        kept.out = 0;
        kept.dropped += given_up;
        self.changed.notify_all();
    }

    /// Until when what is sent must be through; none before the environment ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.lock().flushing
    }

    /// Whether anything came within that time, from now on.
    pub fn grew_within(&self, time: Duration) -> bool {
        let kept = self.lock();
        let before = kept.grew;
        let waited = self.changed.wait_timeout_while(kept, time, |kept| kept.grew == before);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Has everything sent now; returns when it was, or at the deadline.
    pub fn flush(&self, deadline: Instant) {
        let mut kept = self.lock();
        kept.flushing = Some(deadline);
        self.changed.notify_all();
        let time = deadline.saturating_duration_since(Instant::now());
        let busy = |kept: &mut Kept| kept.out > 0 || !kept.records.is_empty();
        drop(self.changed.wait_timeout_while(kept, time, busy));
    }

    /// How many were not sent; none where all were.
    pub fn left(&self) -> Option<u64> {
        let kept = self.lock();
        let left = (kept.records.len() + kept.out) as u64 + kept.dropped;
        (left > 0).then_some(left)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: usize, size: usize) -> Vec<Record> {
        (0..count).map(|_| Record::of("function", 0, "x".repeat(size))).collect()
    }

    #[test]
    fn a_full_batch_is_there_at_once_and_the_rest_at_the_end() {
        let buffer = Buffer::default();
        buffer.put(records(BATCH + 1, 1));
        assert_eq!(buffer.batch().records.len(), BATCH);
        buffer.done(0);
        buffer.flush(Instant::now());
        assert_eq!(buffer.left(), Some(1));
        assert_eq!(buffer.batch().records.len(), 1);
        buffer.done(0);
        assert_eq!(buffer.left(), None);
    }

    #[test]
    fn the_oldest_go_where_there_is_no_room_and_are_counted() {
        let buffer = Buffer::default();
        buffer.put(records(MOST + 7, 1));
        assert_eq!(buffer.batch().dropped, 7);
        let large = Buffer::default();
        large.put(records(5, MOST_BYTES / 4));
        assert!(large.batch().dropped >= 1);
        large.done(3);
        assert!(large.lock().dropped >= 3);
    }

    #[test]
    fn what_is_old_enough_is_sent() {
        let buffer = Buffer::default();
        buffer.put(records(1, 1));
        assert_eq!(buffer.batch().records.len(), 1);
    }
}
