//! An S3-compatible server on loopback, which refuses requests, loses responses, and delays both at random.
//!
//! `s3s-fs` 0.14 keeps the objects in a directory. It has:
//!
//! - the conditions of a put, `If-None-Match: *` and `If-Match: <etag>`: 412 if one does not hold;
//! - the MD5 of the contents as `ETag`, the same from PUT, GET and HEAD;
//! - contents that become visible as a whole, by a rename.
//!
//! It evaluates a condition, receives the body, renames the contents, and then renames the file with the `ETag`,
//! all without a lock. Two writers with the same condition could both succeed, a reader could see old contents
//! with a new `ETag`, and a client killed in between would leave new contents with the old one. So this module adds:
//!
//! - a lock for each object, which every request for it takes, until its response begins;
//! - the whole body, before the lock is taken: of a body cut short, nothing reaches `s3s-fs`;
//! - a task of its own for each request, which goes on if the client is gone.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::{ObjectStore, RetryConfig};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpRequest, HttpResponse, StdError};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const ACCESS_KEY: &str = "access";
pub(crate) const SECRET_KEY: &str = "secret";

/// What befalls each request, independently of the others. None of it by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// The probability that a request is not carried out: 503 `SlowDown`.
    pub(crate) unavailable: f64,
    /// The probability that a request is carried out, and its response replaced: 500 `InternalError`.
    ///
    /// Not of one that ends a multipart upload: `s3s-fs` refuses its repetition with 403, unlike S3.
    pub(crate) lost: f64,
    /// The delay before a request, uniformly distributed.
    pub(crate) delay: Range<Duration>,
}

/// The server, until it is dropped. It needs the runtime that it was started on.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Of a port without faults.
    store: Arc<dyn ObjectStore>,
    front: Arc<Front>,
    _tasks: JoinSet<()>,
    _directory: TempDir,
}

impl Server {
    /// A server of an empty bucket.
    ///
    /// The seed determines the faults in the order of requests, which is up to the clients.
    pub(crate) async fn start(faults: Faults, seed: u64) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        std::fs::create_dir(directory.path().join(BUCKET)).expect("a bucket");
        let files = FileSystem::new(directory.path()).expect("a canonical path");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let objects = Arc::new(Objects {
            service: service.build(),
            several: RwLock::default(),
            each: Mutex::default(),
        });
        let front = Front::new(Arc::clone(&objects), faults, seed);
        let direct = Front::new(objects, Faults::default(), 0);
        let mut tasks = JoinSet::new();
        Self {
            url: serve(Arc::clone(&front), &mut tasks).await,
            store: connect(&serve(direct, &mut tasks).await, RetryConfig::default()),
            front,
            _tasks: tasks,
            _directory: directory,
        }
    }

    /// The objects without faults. What is done here is not counted.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// How many faults were injected, by the code of the error: `SlowDown` and `InternalError`.
    pub(crate) fn injected(&self) -> HashMap<&'static str, usize> {
        lock(&self.front.injected).clone()
    }
}

/// A client of the server at `url`, in any process.
pub(crate) fn connect(url: &str, retry: RetryConfig) -> Arc<dyn ObjectStore> {
    let client = AmazonS3Builder::new()
        .with_endpoint(url)
        .with_allow_http(true)
        .with_virtual_hosted_style_request(false)
        .with_bucket_name(BUCKET)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry);
    Arc::new(client.build().expect("a complete configuration"))
}

/// Accepts connections on a free port, and returns its URL.
async fn serve(front: Arc<Front>, tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            // Fails for a client that was killed meanwhile.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let front = Arc::clone(&front);
            let service = service_fn(move |request| Arc::clone(&front).respond(request));
            connections
                .spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            while connections.try_join_next().is_some() {}
        }
    });
    format!("http://{address}")
}

/// What a port serves: the objects behind faults.
struct Front {
    objects: Arc<Objects>,
    faults: Faults,
    random: Mutex<fastrand::Rng>,
    injected: Counts<&'static str>,
}

impl Front {
    fn new(objects: Arc<Objects>, faults: Faults, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            objects,
            faults,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            injected: Mutex::default(),
        })
    }

    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<HttpResponse, StdError> {
        let [delay, unavailable, lost] = {
            let mut random = lock(&self.random);
            [(); 3].map(|()| random.f64())
        };
        let Range { start, end } = self.faults.delay;
        tokio::time::sleep(start + end.saturating_sub(start).mul_f64(delay)).await;

        // Before a refusal, too: a client still sending would see a broken connection in place of it.
        let mut request = request.map(Body::from);
        request.body_mut().store_all_limited(usize::MAX).await?;
        if unavailable < self.faults.unavailable {
            return self.fault(StatusCode::SERVICE_UNAVAILABLE, "SlowDown");
        }
        let lost = lost < self.faults.lost && !ends_upload(&request);
        let response = tokio::spawn(Arc::clone(&self.objects).respond(request)).await??;
        if lost {
            return self.fault(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
        }
        Ok(response)
    }

    fn fault(&self, status: StatusCode, code: &'static str) -> Result<HttpResponse, StdError> {
        count(&self.injected, code);
        let error = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>Injected.</Message></Error>"#
        );
        let response = Response::builder().status(status);
        Ok(response
            .header(CONTENT_TYPE, "application/xml")
            .body(error.into())?)
    }
}

/// Whether it completes or aborts a multipart upload.
fn ends_upload(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.contains("uploadId=") && !query.contains("partNumber=")
}

/// The objects, each behind a lock.
struct Objects {
    service: S3Service,
    /// Shared by requests for one object, exclusive to requests for several.
    several: RwLock<()>,
    /// By the path of the object.
    each: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Objects {
    async fn respond(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let path = request.uri().path();
        let deletes = request.method() == Method::POST && path.trim_matches('/') == BUCKET;
        if deletes || request.headers().contains_key("x-amz-copy-source") {
            let _exclusive = self.several.write().await;
            return self.service.call(request).await;
        }
        let _shared = self.several.read().await;
        let object = Arc::clone(lock(&self.each).entry(path.to_owned()).or_default());
        let _exclusive = object.lock().await;
        self.service.call(request).await
    }
}

type Counts<Key> = Mutex<HashMap<Key, usize>>;

fn count<Key: Eq + Hash>(counts: &Counts<Key>, key: Key) {
    *lock(counts).entry(key).or_default() += 1;
}

fn lock<Value>(mutex: &Mutex<Value>) -> MutexGuard<'_, Value> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
