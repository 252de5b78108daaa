//! From a generated request to its response: credentials, retries, the rate limit, limits of size and
//! time.

pub(crate) mod backoff;
pub(crate) mod builder;
pub(crate) mod config;
pub(crate) mod differences;
pub(crate) mod headers;
pub(crate) mod limiter;
pub(crate) mod operation;
pub(crate) mod options;
pub(crate) mod pages;
pub(crate) mod paid_requests;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod runtime;
pub(crate) mod stream_slots;
pub(crate) mod transport;
