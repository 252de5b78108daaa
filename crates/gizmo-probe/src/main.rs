//! Compares the live service with what the client assumes of it.

fn main() {}
