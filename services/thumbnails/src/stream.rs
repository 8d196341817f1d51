//! An object's bytes, as a decoder on its own thread reads them while they still arrive.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom};

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::mpsc::Receiver;

/// What has arrived and was not read yet; the queue it comes from is short, so that memory stays small.
pub struct Chunks {
    receiver: Receiver<Result<Bytes>>,
    here: Bytes,
}

impl Chunks {
    /// Of a queue that ends with the object.
    pub fn new(receiver: Receiver<Result<Bytes>>) -> Self {
        Self { receiver, here: Bytes::new() }
    }

    /// The first bytes, without taking them: fewer only where the object has fewer.
    ///
    /// # Errors
    /// When they do not arrive.
    pub fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.here.len() < count {
            let Some(next) = self.receiver.blocking_recv().transpose()? else { break };
            let mut both = BytesMut::from(self.here.as_ref());
            both.extend_from_slice(&next);
            self.here = both.freeze();
        }
        Ok(&self.here[..count.min(self.here.len())])
    }
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        while self.here.is_empty() {
            match self.receiver.blocking_recv() {
                Some(next) => self.here = next?,
                None => break,
            }
        }
        Ok(&self.here)
    }

    fn consume(&mut self, count: usize) {
        self.here.advance(count);
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let here = self.fill_buf()?;
        let count = here.len().min(into.len());
        into[..count].copy_from_slice(&here[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// `png` asks for it and never uses it: chunks come once and in their order.
impl Seek for Chunks {
    fn seek(&mut self, _: SeekFrom) -> Result<u64> {
        Err(Error::from(ErrorKind::Unsupported))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// These bytes, in chunks of this size.
    pub fn chunks(bytes: &[u8], size: usize) -> Chunks {
        let (sender, receiver) = tokio::sync::mpsc::channel(bytes.len() / size + 1);
        for chunk in bytes.chunks(size) {
            sender.try_send(Ok(Bytes::copy_from_slice(chunk))).unwrap();
        }
        Chunks::new(receiver)
    }

    #[test]
    fn every_byte_comes_once_and_in_its_order() {
        let bytes: Vec<u8> = (0..=255).collect();
        for size in [1, 7, 300] {
            let mut chunks = chunks(&bytes, size);
            assert_eq!(chunks.peek(8).unwrap(), &bytes[..8]);
            let mut found = Vec::new();
            chunks.read_to_end(&mut found).unwrap();
            assert_eq!(found, bytes);
            assert!(chunks.peek(1).unwrap().is_empty());
        }
    }

    #[test]
    fn a_stream_that_breaks_is_an_error_and_no_end() {
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        sender.try_send(Ok(Bytes::from_static(b"ab"))).unwrap();
        sender.try_send(Err(Error::other("broken"))).unwrap();
        let mut chunks = Chunks::new(receiver);
        assert_eq!(chunks.read_to_end(&mut Vec::new()).unwrap_err().to_string(), "broken");
    }
}
