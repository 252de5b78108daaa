//! What an export costs: `cargo bench --bench export [-- download|unpack]`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod download;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/table.rs"]
mod table;
mod unpack;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has(support::SERVE) {
        return support::serve(download::options(), |_| {});
    }
    // `cargo test --benches` only asks whether it starts.
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
