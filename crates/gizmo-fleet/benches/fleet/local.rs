//! A local store with conditional writes: the files of scenes on disk, and the small objects in memory.

use std::fmt;
use std::path::Path as Directory;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug)]
pub(crate) struct Local {
    files: LocalFileSystem,
    entries: InMemory,
}

impl Local {
    pub(crate) fn new(directory: &Directory) -> Self {
        let files = LocalFileSystem::new_with_prefix(directory);
        Self {
            files: files.expect("a directory"),
            entries: InMemory::new(),
        }
    }

    /// A file of a scene is one level below its entry.
    fn of(&self, path: &Path) -> &dyn ObjectStore {
        let is_scene = path.parts().any(|part| part.as_ref().starts_with("scene-"));
        if is_scene { &self.files } else { &self.entries }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("local")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Local {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        options.attributes = Attributes::new();
        self.of(location).put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        mut options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        options.attributes = Attributes::new();
        self.of(location)
            .put_multipart_opts(location, options)
            .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.of(location).get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.entries.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let files = self.files.list(prefix);
        self.entries.list(prefix).chain(files).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.entries.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.of(from).copy_opts(from, to, options).await
    }
}
