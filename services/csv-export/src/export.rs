//! Pages of rows to pieces of CSV. Nothing runs ahead: a page is asked for when the pieces of the one before are gone,
//! so that the memory of an export is that of one page, however long the table is.

use std::vec::IntoIter;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use lambda_http::Error;

use crate::csv::record;

/// The columns, and the attributes of the table they come from.
pub const COLUMNS: [&str; 7] = ["id", "title", "notes", "done", "version", "created_at", "updated_at"];
/// Bytes after which a piece is handed on. Lambda's own buffers are about as large; tests want many pieces of few rows.
const PIECE: usize = if cfg!(test) { 512 } else { 16 * 1024 };

/// One row; a cell is empty where the item has no such attribute.
pub type Row = [String; COLUMNS.len()];

/// Where the rows come from, page by page.
pub trait Pages: Send + 'static {
    /// The next page, which may be empty in the middle of a table too; None when there is no more.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Row>>, Error>> + Send;
}

/// The table as CSV, with a header record. An error comes behind all the rows that were read before it.
pub fn csv<P: Pages>(first: Vec<Row>, pages: P) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    let mut begun = Vec::with_capacity(PIECE);
    record(&mut begun, COLUMNS);
    stream::unfold(Some(State { pages, rows: first.into_iter(), piece: begun }), |state| async {
        let mut state = state?;
        match state.piece().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(state))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct State<P> {
    pages: P,
    rows: IntoIter<Row>,
    piece: Vec<u8>,
}

impl<P: Pages> State<P> {
    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            for row in self.rows.by_ref() {
                record(&mut self.piece, row.iter().map(String::as_str));
                if self.piece.len() >= PIECE {
                    break;
                }
            }
            if !self.piece.is_empty() {
                let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
                return Ok(Some(piece.into()));
            }
            match self.pages.next().await? {
                Some(rows) => self.rows = rows.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
pub mod testing {
    //! Pages that are made up, and what was asked of them.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    pub struct Made {
        pub left: usize,
        pub rows: usize,
        pub breaks: bool,
        pub asked: Arc<AtomicUsize>,
    }

    impl Made {
        /// So many pages of so many rows.
        pub fn new(left: usize, rows: usize) -> Self {
            Self { left, rows, breaks: false, asked: Arc::default() }
        }
    }

    pub fn row(title: &str) -> Row {
        ["0", title, "", "false", "1", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"].map(Into::into)
    }

    impl Pages for Made {
        async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            match self.left.checked_sub(1) {
                Some(left) => self.left = left,
                None if self.breaks => return Err("the table broke".into()),
                None => return Ok(None),
            }
            Ok(Some((0..self.rows).map(|_| row("Buy milk")).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use futures_util::StreamExt;
    use proptest::prelude::*;

    use super::testing::{Made, row};
    use super::*;
    use crate::csv::testing::read;

    async fn all(stream: impl Stream<Item = Result<Bytes, Error>>) -> (String, Option<String>) {
        let mut stream = pin!(stream);
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Err(error) => return (text, Some(error.to_string())),
            }
        }
        (text, None)
    }

    #[tokio::test]
    async fn an_empty_table_is_a_header() {
        let (text, error) = all(csv(vec![], Made::new(0, 0))).await;
        assert_eq!((text.as_str(), error), ("id,title,notes,done,version,created_at,updated_at\r\n", None));
    }

    #[tokio::test]
    async fn a_page_is_asked_for_when_the_one_before_was_taken() {
        let pages = Made::new(10, 1_000);
        let asked = Arc::clone(&pages.asked);
        let mut stream = pin!(csv(vec![row("first"); 1_000], pages));
        let (mut records, mut largest) = (0, 0);
        while let Some(piece) = stream.next().await {
            let piece = piece.unwrap();
            records += std::str::from_utf8(&piece).unwrap().lines().count();
            largest = largest.max(piece.len());
            // What is out so far needed just that many pages besides the first: none is asked for ahead.
            let needed = (records - 2) / 1_000;
            assert_eq!(asked.load(Ordering::Relaxed), needed, "after {records} records");
        }
        assert_eq!((records, asked.load(Ordering::Relaxed)), (1 + 11 * 1_000, 11));
        assert!(largest < PIECE + 200, "{largest}");
    }

    #[tokio::test]
    async fn an_error_comes_behind_the_rows_that_were_read() {
        let pages = Made { breaks: true, ..Made::new(2, 3) };
        let (text, error) = all(csv(vec![row("a")], pages)).await;
        assert_eq!((read(&text).len(), error.as_deref()), (1 + 1 + 6, Some("the table broke")));
    }

    proptest! {
        #[test]
        fn every_row_is_there_once_and_in_order(pages in proptest::collection::vec(0_usize..6, 0..5), wide in 0_usize..200) {
            struct Counted(std::vec::IntoIter<usize>, usize, usize);
            impl Pages for Counted {
                async fn next(&mut self) -> Result<Option<Vec<Row>>, Error> {
                    let Some(rows) = self.0.next() else { return Ok(None) };
                    let from = self.1;
                    self.1 += rows;
                    Ok(Some((from..self.1).map(|number| row(&format!("{number}:{}", "x".repeat(self.2)))).collect()))
                }
            }
            let rows: usize = pages.iter().sum();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (text, error) = runtime.block_on(all(csv(vec![], Counted(pages.into_iter(), 0, wide))));
            prop_assert_eq!(error, None);
            let records = read(&text);
            prop_assert_eq!(records.len(), rows + 1);
            for (number, record) in records[1..].iter().enumerate() {
                let begins = format!("{number}:");
                prop_assert!(record[1].starts_with(&begins));
            }
        }
    }
}
