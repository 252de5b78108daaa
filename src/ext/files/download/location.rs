//! Files that a response names, such as the models of a catalog item.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};
use progenitor_client::ResponseValue;
use reqwest::Url;
use tokio::sync::Mutex;

use super::Download;
use super::source::{Expect, Fetch, Response, Rest};
use crate::ext::error::Error;
use crate::ext::http::transport::{DOWNLOAD, Key, file_url};
use crate::ext::values::secret::SignedUrl;
use crate::raw::{Client, types};

impl Client {
    /// Downloads a file that a response of the service names, such as the model of a catalog item.
    ///
    /// `location` is a URL, or a path relative to the service's origin. The API key is sent to the
    /// service's origin only, also after redirects.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if `location` is neither a URL nor a path, or
    /// is plain http to another machine; [`Decode`](crate::ErrorKind::Decode) if the response is a page
    /// instead of a file; and the errors of the network and the service.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only reads.
    pub async fn download(&self, location: &str) -> Result<Download, Error> {
        // Assumption: catalog-file-origin.
        let url = file_url(&self.inner.0.base, location).map_err(named)?;
        let client = self.clone();
        self.open(Box::new(move |rest| {
            let (client, url) = (client.clone(), url.clone());
            Box::pin(async move { client.fetch(url, rest, Key::ToOwnOrigin).await })
        }))
        .await
    }

    /// Downloads a file from a pre-signed URL. `mint` returns the first URL, and a new one when it has expired
    /// or is refused as expired (401, 403, 410, or 400 with such a code); the download resumes from that.
    ///
    /// The API key is not sent.
    ///
    /// # Errors
    ///
    /// Those of `mint` and of [`download`](Self::download).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `mint`; everything else only reads.
    pub async fn download_signed<M, F>(&self, mint: M) -> Result<Download, Error>
    where
        M: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<SignedUrl, Error>> + Send + 'static,
    {
        let client = self.clone();
        let mint = Arc::new(mint);
        let minted = Arc::new(Mutex::new(None));
        self.open(Box::new(move |rest| {
            let (client, mint, minted) = (client.clone(), mint.clone(), minted.clone());
            Box::pin(async move {
                let mut minted = minted.lock().await;
                let current: Option<SignedUrl> = minted.take();
                let current = current.filter(|signed| !signed.has_expired(SystemTime::now()));
                let signed = match current {
                    Some(signed) => signed,
                    None => mint().await?,
                };
                let response = client.fetch_signed(&signed, rest.clone()).await;
                if !response.as_ref().is_err_and(has_expired) {
                    *minted = Some(signed);
                    return response;
                }
                // Also a new URL may have expired, if it was made in advance.
                let signed = mint().await?;
                let response = client.fetch_signed(&signed, rest).await;
                *minted = Some(signed);
                response
            })
        }))
        .await
    }

    async fn open(&self, fetch: Fetch) -> Result<Download, Error> {
        Download::open(DOWNLOAD, Expect::File, true, self, fetch).await
    }

    async fn fetch_signed(&self, signed: &SignedUrl, rest: Option<Rest>) -> Response {
        let url = file_url(&self.inner.0.base, signed.reveal()).map_err(named)?;
        // Assumption: alpha-export-other-host.
        self.fetch(url, rest, Key::ToNone).await
    }

    async fn fetch(&self, url: Url, rest: Option<Rest>, key: Key) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(rest) = rest {
            let range = format!("bytes={}-", rest.offset);
            headers.insert(
                header::RANGE,
                range.parse().expect("digits are a header value"),
            );
            headers.insert(header::IF_RANGE, rest.validator.value());
        }
        let response = self.get_file(url, headers, key).await;
        response.map(ResponseValue::stream).map_err(named)
    }
}

/// Whether an object store refuses a signed URL because it has expired: 403, 401 or 410, or 400 with a
/// code such as S3's `ExpiredToken`.
// Assumption: alpha-export-expires.
fn has_expired(error: &Error) -> bool {
    match error.status() {
        Some(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::GONE) => true,
        Some(StatusCode::BAD_REQUEST) => {
            let code = error.code().unwrap_or_default().to_ascii_lowercase();
            code.contains("expired")
        }
        _ => false,
    }
}

fn named(error: Error) -> Error {
    error.with_operation(DOWNLOAD)
}

impl types::CatalogItem {
    /// Returns the location of the GLB model, for [`Client::download`].
    pub fn glb(&self) -> Option<&str> {
        let listed = self.glb_path.as_deref().filter(|path| !path.is_empty());
        listed.or_else(|| self.file("glb"))
    }

    /// Returns the location of the USDZ model, for [`Client::download`].
    pub fn usdz(&self) -> Option<&str> {
        let listed = self.usdz_path.as_deref().filter(|path| !path.is_empty());
        listed.or_else(|| self.file("usdz"))
    }

    /// Finds a download path under another name than that of the type. The name is not documented, so this is
    /// the text that ends in the format's extension, or whose name contains the format.
    // Assumption: catalog-item-files.
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::types::CatalogItem;

    #[test]
    fn the_paths_of_an_item_are_found_under_any_name() {
        for (members, glb, usdz) in [
            (
                json!({"glb_path": "/f/1", "usdz_path": "/f/2"}),
                Some("/f/1"),
                Some("/f/2"),
            ),
            (
                json!({"glb_path": null, "usdz_path": "", "files": {"glb": "/f/1"}, "model": "a.usdz?v=1"}),
                Some("/f/1"),
                Some("a.usdz?v=1"),
            ),
            (
                json!({"downloads": [{"path": "a.GLB"}], "usdz": "none"}),
                Some("a.GLB"),
                None,
            ),
            (json!({}), None, None),
        ] {
            let mut item: Value = json!({"slug": "a"});
            for (name, value) in members.as_object().unwrap() {
                item[name] = value.clone();
            }
            let item: CatalogItem = serde_json::from_value(item).unwrap();
            assert_eq!((item.glb(), item.usdz()), (glb, usdz), "{members}");
        }
    }
}
