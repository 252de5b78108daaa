//! What the types know of a JSON body. `build.rs` writes the shape of each operation's success.

/// The values that a type decodes without a difference.
#[derive(Debug)]
#[allow(
    dead_code,
    reason = "a document may have no value of some of these shapes"
)]
pub(crate) enum Shape {
    Any,
    /// That of a component.
    Same(&'static Shape),
    Boolean,
    Integer,
    Number,
    Text,
    /// Text, or a number.
    Id,
    /// A [`Timestamp`](crate::Timestamp) in a notation that it reads.
    Time,
    /// One of these words; a status also in another spelling.
    Words(&'static [&'static str]),
    List(&'static Shape),
    /// An object with arbitrary names.
    Map(&'static Shape),
    Object(&'static [Field]),
    /// An [`Envelope`](crate::Envelope).
    Envelope(Resource),
    /// A [`Page`](crate::Page).
    Page {
        /// The possible names of its list.
        lists: &'static [&'static str],
        item: Resource,
        /// What else the object may have.
        fields: &'static [Field],
    },
}

/// A resource: bare, under one of its names, or only its id.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) names: &'static [&'static str],
    /// The possible names of its id, of which the first is the type's own.
    pub(crate) ids: &'static [&'static str],
    pub(crate) shape: &'static Shape,
    /// What may be beside the resource where it is under its name.
    pub(crate) beside: &'static [Field],
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) is_required: bool,
    pub(crate) is_nullable: bool,
}
