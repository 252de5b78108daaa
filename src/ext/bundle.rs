//! stub
pub struct Bundle;
