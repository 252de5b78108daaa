//! Adapts a document of 3.0.3 to what progenitor 0.15 generates correct code for.

mod arms;
pub(crate) mod bodies;
mod enums;
mod errors;
mod formats;
mod limits;
pub(crate) mod operation_ids;
pub(crate) mod parameter_names;
pub(crate) mod parameters;
mod prune;
mod raw_bodies;
mod references;
mod requests;
mod responses;
mod success;
mod titles;
mod unions;
mod unsigned;

use super::Rule::{self, Rewrite, RewriteFor};

/// The rules in the order in which they run.
pub(super) const RULES: [(&str, Rule); 31] = [
    ("title", Rewrite(titles::apply)),
    ("format", Rewrite(formats::apply)),
    ("operation-id", RewriteFor(operation_ids::apply)),
    ("request-content-type", RewriteFor(bodies::names)),
    ("request-media-type", Rewrite(bodies::media_types)),
    ("request-bytes", Rewrite(raw_bodies::apply)),
    ("request-body", Rewrite(bodies::shapes)),
    ("success-response", Rewrite(success::apply)),
    ("success-content", Rewrite(success::contents)),
    ("success-status", Rewrite(success::statuses)),
    ("error-response", Rewrite(errors::apply)),
    ("unused-component", Rewrite(prune::apply)),
    ("nullable-parameter", Rewrite(requests::nullable_parameters)),
    ("anything", Rewrite(arms::anything)),
    ("literal-union", Rewrite(unions::literals)),
    ("parameter-shape", Rewrite(parameters::apply)),
    ("object-parameter", Rewrite(parameters::objects)),
    ("optional-parameter", Rewrite(parameters::optional)),
    ("parameter-name", RewriteFor(parameter_names::apply)),
    ("union-tag", Rewrite(unions::tags)),
    ("first-fit", Rewrite(arms::first_fit)),
    ("named-enum", RewriteFor(enums::hoist)),
    ("unsigned-integer", RewriteFor(unsigned::apply)),
    ("limit", RewriteFor(limits::apply)),
    ("request-default", RewriteFor(requests::defaults)),
    ("plain-reference", Rewrite(references::apply)),
    ("open-object", Rewrite(responses::open_objects)),
    ("open-value", Rewrite(responses::open_values)),
    ("open-enum", RewriteFor(enums::open)),
    ("prune", Rewrite(prune::apply)),
    ("order", Rewrite(prune::sort)),
];
