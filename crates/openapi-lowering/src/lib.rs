#![doc = include_str!("../README.md")]

mod diff;
mod document;
mod error;
mod generator;
mod guard;
mod ledger;
mod lowering;
mod overlay;
mod pipeline;
mod refusal;

pub use diff::{Change, Class, Diff, Format, Level, Severity, Side, outline};
pub use document::{names::type_name, parse::Document};
pub use error::{Error, Result};
pub use generator::{Code, Dialect, Generator, Progenitor};
pub use guard::{Generated, client, generate};
pub use ledger::{Entry, Ledger};
pub use lowering::{lower, rules};
pub use overlay::without_redundant;
pub use pipeline::{Lowered, Lowering};
pub use refusal::{LeftOut, Refusal};
