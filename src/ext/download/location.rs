//! Files that an answer names: a catalog item's models.

use std::path::Path;

use futures_util::future::BoxFuture;
use http::{HeaderMap, header};
use progenitor_client::{ByteStream, ResponseValue};
use reqwest::Url;

use super::Download;
use super::source::{Expect, Rest};
use crate::ext::transport::file_url;
use crate::{Client, Error, types};

impl Client {
    /// Downloads a file that an answer of the service names: a catalog item's model, say.
    ///
    /// `location` is a URL, or a path relative to the service's origin. The API key goes along
    /// only to the service's own origin; redirects are judged hop by hop.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) when `location` is no such thing or is plain http to another
    /// machine; [`Decode`](crate::ErrorKind::Decode) when a page comes where a file was due; and whatever the
    /// network and the service can say.
    pub async fn download(&self, location: &str) -> Result<Download, Error> {
        let url = file_url(&self.inner.0.base, location)
            .map_err(|error| error.with_operation("download"))?;
        let client = self.clone();
        let ask = move |rest: Option<Rest>| {
            let (client, url) = (client.clone(), url.clone());
            let answer: BoxFuture<'static, _> =
                Box::pin(async move { client.fetch(url, rest).await });
            answer
        };
        let idle_timeout = self.inner.0.idle_timeout;
        Download::open("download", Expect::File, true, idle_timeout, Box::new(ask)).await
    }

    async fn fetch(
        &self,
        url: Url,
        rest: Option<Rest>,
    ) -> Result<ResponseValue<ByteStream>, Error> {
        let mut headers = HeaderMap::new();
        if let Some(rest) = rest {
            let range = format!("bytes={}-", rest.offset);
            headers.insert(
                header::RANGE,
                range.parse().expect("digits are a header value"),
            );
            headers.insert(header::IF_RANGE, rest.validator);
        }
        let answer = self.get_file(url, headers).await;
        answer
            .map(ResponseValue::stream)
            .map_err(|error| error.with_operation("download"))
    }
}

impl types::CatalogItem {
    /// Where the item's GLB model is, for [`Client::download`].
    pub fn glb(&self) -> Option<&str> {
        self.file("glb")
    }

    /// Where the item's USDZ model is, for [`Client::download`].
    pub fn usdz(&self) -> Option<&str> {
        self.file("usdz")
    }

    /// The service does not say under which names its download paths go: it is the text that ends
    /// in the format's extension, or that stands under a name with the format in it.
    fn file(&self, extension: &str) -> Option<&str> {
        let mut named = None;
        let mut open: Vec<(&str, &serde_json::Value)> = Vec::new();
        open.extend(
            self.extra
                .iter()
                .map(|(name, value)| (name.as_str(), value)),
        );
        while let Some((name, value)) = open.pop() {
            match value {
                serde_json::Value::String(text) => {
                    let path = text.split(['?', '#']).next().unwrap_or_default();
                    let ending = Path::new(path).extension();
                    if ending.is_some_and(|ending| ending.eq_ignore_ascii_case(extension)) {
                        return Some(text);
                    }
                    if name.to_ascii_lowercase().contains(extension) && text.contains('/') {
                        named = Some(text.as_str());
                    }
                }
                serde_json::Value::Object(fields) => {
                    open.extend(fields.iter().map(|(name, value)| (name.as_str(), value)));
                }
                serde_json::Value::Array(values) => {
                    open.extend(values.iter().map(|value| (name, value)));
                }
                _ => {}
            }
        }
        named
    }
}
