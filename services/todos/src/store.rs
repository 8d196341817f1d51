//! What a store of to-dos does, in words that know no database; [`crate::table`] does it with DynamoDB.

use std::fmt;

use crate::cursor::Cursor;
use crate::todo::{Id, Todo, Wanted};

/// Which version a change is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// Whichever is there.
    Any,
    /// One of these, if any: none at all fits no version.
    Versions(Vec<u64>),
}

/// What became of a new to-do.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// One was there already, made from a wish with this fingerprint.
    Before(Todo, Option<String>),
}

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
pub enum Changed<T> {
    /// It was made.
    Made(T),
    /// There is no such to-do.
    Missing,
    /// The to-do that is there has another version, this one.
    Stale(u64),
}

/// A part of the list, and where the next one begins, if there may be one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most as many as were asked for.
    pub todos: Vec<Todo>,
    /// None at the end of the list.
    pub next: Option<Cursor>,
}

/// Why a store could not do what it was asked. The cause is logged where it is known, and told to no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has too much to do; later it may have less.
    Busy,
    /// It could not be reached, or not in time.
    Down,
    /// It answered what cannot be right: a table that is not there, a right that is not given.
    Broken,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Busy => "the table is throttled",
            Self::Down => "the table cannot be reached",
            Self::Broken => "the table refuses",
        })
    }
}

/// A store of to-dos. Every write is one call that holds its own condition: nothing is read first and written then.
pub trait Store {
    /// Stores a to-do under its id if none is there.
    fn create(&self, todo: &Todo, fingerprint: Option<&str>) -> impl Future<Output = Result<Created, Fault>> + Send;

    /// Reads one, as it is now.
    fn get(&self, id: Id) -> impl Future<Output = Result<Option<Todo>, Fault>> + Send;

    /// Replaces what a caller may say about one that is there.
    fn replace(
        &self,
        id: Id,
        wanted: Wanted,
        only: &Only,
        now: &str,
    ) -> impl Future<Output = Result<Changed<Todo>, Fault>> + Send;

    /// Removes one that is there.
    fn delete(&self, id: Id, only: &Only) -> impl Future<Output = Result<Changed<()>, Fault>> + Send;

    /// Reads up to `limit` to-dos behind a place, in the store's own order.
    fn page(&self, limit: u8, after: Option<Cursor>) -> impl Future<Output = Result<Page, Fault>> + Send;
}

#[cfg(test)]
pub mod testing {
    //! A store in memory, with a fault on request.

    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    pub struct Memory {
        pub kept: Mutex<BTreeMap<Id, (Todo, Option<String>)>>,
        pub fault: Mutex<Option<Fault>>,
    }

    impl Memory {
        fn ready(&self) -> Result<(), Fault> {
            self.fault.lock().unwrap().map_or(Ok(()), Err)
        }

        fn check<T>(&self, id: Id, only: &Only) -> Option<Changed<T>> {
            let kept = self.kept.lock().unwrap();
            let Some((todo, _)) = kept.get(&id) else { return Some(Changed::Missing) };
            match only {
                Only::Versions(versions) if !versions.contains(&todo.version) => Some(Changed::Stale(todo.version)),
                _ => None,
            }
        }
    }

    impl Store for Memory {
        async fn create(&self, todo: &Todo, fingerprint: Option<&str>) -> Result<Created, Fault> {
            self.ready()?;
            let mut kept = self.kept.lock().unwrap();
            if let Some((before, print)) = kept.get(&todo.id) {
                return Ok(Created::Before(before.clone(), print.clone()));
            }
            kept.insert(todo.id, (todo.clone(), fingerprint.map(Into::into)));
            Ok(Created::New)
        }

        async fn get(&self, id: Id) -> Result<Option<Todo>, Fault> {
            self.ready()?;
            Ok(self.kept.lock().unwrap().get(&id).map(|(todo, _)| todo.clone()))
        }

        async fn replace(&self, id: Id, wanted: Wanted, only: &Only, now: &str) -> Result<Changed<Todo>, Fault> {
            self.ready()?;
            if let Some(not) = self.check(id, only) {
                return Ok(not);
            }
            let mut kept = self.kept.lock().unwrap();
            let (before, _) = kept.get_mut(&id).unwrap();
            let (version, created_at) = (before.version + 1, before.created_at.clone());
            *before = Todo { version, created_at, ..Todo::new(id, wanted, now) };
            Ok(Changed::Made(before.clone()))
        }

        async fn delete(&self, id: Id, only: &Only) -> Result<Changed<()>, Fault> {
            self.ready()?;
            if let Some(not) = self.check(id, only) {
                return Ok(not);
            }
            self.kept.lock().unwrap().remove(&id);
            Ok(Changed::Made(()))
        }

        async fn page(&self, limit: u8, after: Option<Cursor>) -> Result<Page, Fault> {
            self.ready()?;
            let kept = self.kept.lock().unwrap();
            let rest = kept.values().filter(|(todo, _)| after.is_none_or(|Cursor(place)| todo.id > place));
            let todos: Vec<_> = rest.take(limit.into()).map(|(todo, _)| todo.clone()).collect();
            let full = todos.len() == usize::from(limit);
            let next = todos.last().filter(|_| full).map(|todo| Cursor(todo.id));
            Ok(Page { todos, next })
        }
    }
}
