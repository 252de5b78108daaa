//! stub
use crate::*;
use std::path::Path;
#[derive(Default)]
pub struct UnpackOptions {}
pub async fn unpack(_: &Path, _: &Path, _: UnpackOptions) -> Result<super::bundle::Bundle, Error> {
    todo!()
}
