//! The simulator: binds its ports and responds to requests.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, DATE, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::call::{Call, read_query};
use crate::connections::{Service, accept, listen, read};
use crate::fault::Fault;
use crate::handle::Handle;
use crate::history::{History, Recorded};
use crate::limits::credential;
use crate::options::Options;
use crate::record::{Received, copied};
use crate::response::{Abort, Body, HandlerResult, Refusal, full};
use crate::routes::{Api, Route, dispatch, route};
use crate::state::Shared;
use crate::wire::{Control, Network};
use crate::{alpha, catalog, feed, files, trouble};

/// A Gizmo API that listens on a local port until it is dropped. The CDN of the early-access API
/// listens on a second port.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    url: String,
    tasks: [JoinHandle<()>; 2],
}

/// The port that accepted a connection.
#[derive(Debug, Clone, Copy)]
enum Port {
    Api,
    Cdn,
}

/// What one port of the simulator serves.
struct Surface {
    shared: Arc<Shared>,
    port: Port,
}

impl Simulator {
    /// Binds the ports and serves connections on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if a port cannot be bound, or if the history cannot be read or written. Its message
    /// names the address or the file.
    pub async fn start(mut options: Options) -> io::Result<Self> {
        let recorded = options.history.as_deref().map(Recorded::read).transpose()?;
        let earlier = recorded.as_ref().and_then(Recorded::address);
        if let Some(earlier) = earlier.filter(|_| options.address.port() == 0) {
            options.address.set_port(earlier.port());
        }
        let listener = listen(options.address)?;
        let address = listener.local_addr()?;
        let cdn = listen(SocketAddr::new(address.ip(), 0))?;
        let cdn_address = cdn.local_addr()?;
        let history = match (&options.history, &recorded) {
            (Some(path), Some(recorded)) => Some(History::create(path, address, recorded)?),
            _ => None,
        };
        let shared = Shared::new(options, format!("http://{cdn_address}"), history);
        if let Some(recorded) = recorded {
            recorded.restore(&shared).await;
        }
        let serve = |listener, address, port| {
            let shared = Arc::clone(&shared);
            tokio::spawn(accept(
                listener,
                address,
                Arc::new(Surface { shared, port }),
            ))
        };
        let tasks = [
            serve(listener, address, Port::Api),
            serve(cdn, cdn_address, Port::Cdn),
        ];
        Ok(Self {
            shared,
            address,
            url: format!("http://{address}"),
            tasks,
        })
    }

    /// Returns the base URL, without `/v1` and without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address and port of the API.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the key of the current API.
    pub fn api_key(&self) -> &str {
        &self.shared.options.api_key
    }

    /// Returns the key of the early-access API.
    pub fn alpha_api_key(&self) -> &str {
        &self.shared.options.alpha_api_key
    }

    /// Returns a handle that inspects the simulator and injects faults.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // These tasks own the connections, which end with them. Jobs run in tasks of their own.
        self.tasks.iter().for_each(JoinHandle::abort);
        for job in self.shared.tables().jobs.newest() {
            if let Some(task) = &job.task {
                task.abort();
            }
        }
    }
}

impl Service for Surface {
    fn network(&self) -> &watch::Sender<Network> {
        &self.shared.network
    }

    fn max_concurrent_streams(&self) -> Option<u32> {
        self.shared.options.max_concurrent_streams
    }

    async fn respond(
        self: Arc<Self>,
        control: Arc<Control>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Abort> {
        serve(&self.shared, &control, self.port, request).await
    }
}

/// Responds to one request, or aborts the connection.
async fn serve(
    shared: &Arc<Shared>,
    control: &Arc<Control>,
    port: Port,
    request: Request<Incoming>,
) -> Result<Response<Body>, Abort> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let api = alpha::api(&parts.headers, &shared.options.alpha_api_key);
    let route = match port {
        Port::Api => route(api, &parts.method, &path),
        Port::Cdn => Route::Linked,
    };
    let operation = route.operation();
    let (faults, job_rules) = shared.faults().matching(operation, &path);
    let unread = faults
        .iter()
        .any(|fault| matches!(fault, Fault::DropBeforeReading));
    let body = if unread {
        Ok(Bytes::new())
    } else {
        read(body).await
    };
    let received = Received {
        operation,
        method: parts.method.clone(),
        path,
        query: query.clone(),
        headers: copied(&parts.headers),
        body: body.clone().unwrap_or_default(),
        at: Instant::now(),
        rate_limit: None,
    };
    let number = shared.record().add(received);
    if unread {
        control.reset();
        return Err(Abort);
    }
    let body = body?;
    let finish = |response| {
        let response = with_common_headers(shared, number, response);
        trouble::after_handling(&faults, control, &shared.clock, response)
    };
    let query = read_query(&query);
    let has_cursor = has_cursor(&query, &parts.headers);
    if let Some(canned) =
        trouble::before_handling(&faults, control, &shared.clock, has_cursor).await?
    {
        return finish(canned).await;
    }
    if trouble::expires_links(&faults) {
        shared.tables().alpha.expire_links();
    }
    if route == Route::Linked {
        let file = alpha::cdn::file(shared, &query, &parts.headers).await;
        return finish(file).await;
    }

    let key = credential(
        &parts.headers,
        &[&shared.options.api_key, &shared.options.alpha_api_key],
        &shared.options.service_token,
    );
    let rate_limit = shared.limits().count(key.as_deref().ok());
    shared.record().report(number, rate_limit.reported());
    let allowed = key.and_then(|_| rate_limit.check());
    let mut response = match route {
        Route::Operation(operation, id) => match allowed {
            Ok(()) => {
                let events = feed::Faults::new(&faults, control);
                let call = Call {
                    shared: Arc::clone(shared),
                    id,
                    query,
                    headers: parts.headers,
                    body,
                    job_rules,
                };
                let handling = handle(api, operation, call, events);
                if let Some((delay, canned)) = trouble::handled_later(&faults) {
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        let _ = handling.await;
                    });
                    Ok(trouble::canned_response(canned, &shared.clock))
                } else {
                    handling.await
                }
            }
            Err(refusal) => Err(refusal),
        },
        Route::CatalogFile(name) => {
            allowed.and_then(|()| catalog::file(shared, &name, &parts.headers))
        }
        other => serve_unauthenticated(other, &parts.headers),
    }
    .unwrap_or_else(|refusal| match api {
        Api::Current => refusal.into_response(),
        Api::Alpha => refusal.flat().into_response(),
    });
    rate_limit.write(response.headers_mut(), &shared.clock);
    finish(response).await
}

/// Handles an authorized request.
async fn handle(
    api: Api,
    operation: &'static str,
    call: Call,
    events: feed::Faults,
) -> HandlerResult {
    match api {
        Api::Current => {
            let shared = Arc::clone(&call.shared);
            match &shared.history {
                Some(history) => history.handle(operation, call, events).await,
                None => dispatch(operation, call, events).await,
            }
        }
        Api::Alpha => alpha::dispatch(operation, &call),
    }
}

/// Returns whether a request for events has a cursor.
fn has_cursor(query: &[(String, String)], headers: &http::HeaderMap) -> bool {
    let after = query
        .iter()
        .any(|(name, value)| name == "after" && value != "0");
    after || headers.contains_key("last-event-id")
}

/// Responds to requests that need no key: for the `OpenAPI` document, and for unknown paths and methods.
fn serve_unauthenticated(route: Route, headers: &http::HeaderMap) -> HandlerResult {
    match route {
        Route::Document => {
            let text = Bytes::from_static(include_bytes!("../openapi/upstream.json"));
            Ok(files::respond(&text, "application/json", headers))
        }
        Route::Redirect(path) => {
            let mut response = Response::new(full(Bytes::new()));
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            if let Ok(location) = HeaderValue::from_str(&path) {
                response.headers_mut().insert(LOCATION, location);
            }
            Ok(response)
        }
        Route::WrongMethod(allowed) => {
            let refusal = Refusal::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            let mut response = refusal.into_response();
            if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                response.headers_mut().insert(ALLOW, allowed);
            }
            Ok(response)
        }
        _ => Err(Refusal::detail(StatusCode::NOT_FOUND, "Not Found")),
    }
}

/// Adds the headers of every response: the date and the request id.
fn with_common_headers(
    shared: &Shared,
    number: u64,
    mut response: Response<Body>,
) -> Response<Body> {
    let mut id = String::from("req_");
    let _ = write!(id, "{number:08}");
    let headers = response.headers_mut();
    for (name, value) in [
        (DATE.as_str(), shared.clock.http_date()),
        ("x-request-id", id),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value)
            && !headers.contains_key(name)
        {
            headers.insert(http::HeaderName::from_static(name), value);
        }
    }
    response
}
