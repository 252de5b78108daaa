//! Bodies that are read completely, within a limit.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::within;
use crate::ext::error::{Error, ErrorKind};

/// An incomplete body: what had arrived, and the error that ended it.
pub(super) struct Partial {
    pub(super) body: Bytes,
    pub(super) error: Error,
}

/// Reads a body of at most `limit` bytes whose chunks arrive within `idle` of each other.
pub(super) async fn read(
    response: &mut Response,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, Partial> {
    let mut body = Chunks::default();
    loop {
        let error = match within(idle, response.chunk()).await {
            Ok(Ok(Some(chunk))) if body.length() + chunk.len() <= limit => {
                body.push(chunk);
                continue;
            }
            Ok(Ok(Some(_))) => Error::new(
                ErrorKind::Decode,
                format!("the response is larger than {limit} bytes"),
            ),
            Ok(Ok(None)) => return Ok(body.into_bytes()),
            Ok(Err(error)) => error.into(),
            Err(error) => error,
        };
        let body = body.into_bytes();
        return Err(Partial { body, error });
    }
}

/// A body as it arrives. Most are one chunk, which is not copied.
#[derive(Default)]
struct Chunks {
    first: Bytes,
    all: BytesMut,
}

impl Chunks {
    fn length(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, chunk: Bytes) {
        if self.length() == 0 {
            self.first = chunk;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&chunk);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}
