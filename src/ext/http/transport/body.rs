//! Bodies that are read whole, within a limit.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::within;
use crate::ext::error::{Error, ErrorKind};

/// A body that broke off: what had come, and why.
pub(super) struct Partial {
    pub(super) body: Bytes,
    pub(super) error: Error,
}

/// Reads a body of at most `limit` bytes, as long as more of it comes within `idle`.
pub(super) async fn read(
    response: &mut Response,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, Partial> {
    let mut body = Pieces::default();
    loop {
        let error = match within(idle, response.chunk()).await {
            Ok(Ok(Some(chunk))) if body.length() + chunk.len() <= limit => {
                body.push(chunk);
                continue;
            }
            Ok(Ok(Some(_))) => Error::new(
                ErrorKind::Decode,
                format!("the answer is larger than {limit} bytes"),
            ),
            Ok(Ok(None)) => return Ok(body.whole()),
            Ok(Err(error)) => error.into(),
            Err(error) => error,
        };
        let body = body.whole();
        return Err(Partial { body, error });
    }
}

/// A body as it comes: most are one piece, which is not copied.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    all: BytesMut,
}

impl Pieces {
    fn length(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, piece: Bytes) {
        if self.length() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}
