//! A store in memory whose next writes fail as told.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not arrive.
    Lost,
    /// It lands, and its response is lost.
    LostResponse,
    /// It lands, its response is lost, and a repetition conflicts with it.
    RepeatedAfterLostResponse,
    /// The condition is ignored.
    Unconditional,
    /// The response has no version.
    Unversioned,
}

#[derive(Debug, Default)]
pub(crate) struct Faulty {
    objects: InMemory,
    /// Of the next writes; `None` for one without a fault.
    faults: Mutex<VecDeque<Option<Fault>>>,
    reads_fail: bool,
    deletions_fail: bool,
}

impl Faulty {
    pub(crate) fn with(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self {
            faults: Mutex::new(faults.into_iter().collect()),
            ..Self::default()
        }
    }

    pub(crate) fn without_reads(self) -> Self {
        Self {
            reads_fail: true,
            ..self
        }
    }

    pub(crate) fn without_deletions(self) -> Self {
        Self {
            deletions_fail: true,
            ..self
        }
    }
}

fn broken() -> Error {
    Error::Generic {
        store: "faulty",
        source: "503 Slow Down".into(),
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let fault = self.faults.lock().unwrap().pop_front().flatten();
        let put = |options: PutOptions| self.objects.put_opts(location, payload.clone(), options);
        match fault {
            None => put(options).await,
            Some(Fault::Lost) => Err(broken()),
            Some(Fault::LostResponse) => {
                put(options).await?;
                Err(broken())
            }
            Some(Fault::RepeatedAfterLostResponse) => {
                put(options.clone()).await?;
                put(options).await
            }
            Some(Fault::Unconditional) => put(PutMode::Overwrite.into()).await,
            Some(Fault::Unversioned) => {
                let mut result = put(options).await?;
                (result.e_tag, result.version) = (None, None);
                Ok(result)
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.reads_fail {
            return Err(broken());
        }
        self.objects.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.objects.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if self.deletions_fail {
            return locations.map(|_| Err(broken())).boxed();
        }
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
