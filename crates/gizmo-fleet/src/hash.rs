//! The size and the SHA-256 of a file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::error::{Error, ErrorKind};

/// The size and the hash of a file, as a provenance states them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FileHash {
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// A file of a scene, as a provenance describes it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SceneFile {
    /// Its path below the directory of the scene, with `/` between its parts.
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) hash: FileHash,
}

/// Hashes a file, on a thread that may block.
pub(crate) async fn hash(path: PathBuf) -> Result<FileHash, Error> {
    let message = format!("`{}` could not be read", path.display());
    let hashed = spawn_blocking(move || hash_blocking(&path)).await;
    let hashed = hashed.unwrap_or_else(|error| Err(error.into()));
    hashed.map_err(|error| Error::new(ErrorKind::Temporary, message).because(error))
}

fn hash_blocking(path: &PathBuf) -> io::Result<FileHash> {
    let mut file = File::open(path)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(FileHash { size, sha256 })
}
