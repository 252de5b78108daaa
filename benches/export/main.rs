//! Measures the download and the unpacking of an export: `cargo bench --bench export [-- download|unpack]`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod download;
mod export;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/table.rs"]
mod table;
mod unpack;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has(support::SERVE) {
        return support::serve(download::options(), |_| {});
    }
    // `cargo test --benches` only checks that it starts.
    if !has("--bench") {
        return;
    }
    if !has("download") {
        unpack::run();
    }
    if !has("unpack") {
        download::run();
    }
}
