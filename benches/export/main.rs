//! What an export costs: `cargo bench --bench export`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod unpack;

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--bench") {
        unpack::run();
    }
}
