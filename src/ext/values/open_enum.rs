//! Enums over strings. A value that the API document does not list is kept, and is not an error.

/// Defines an enum over strings with an `Unknown(String)` for every other value. `$keyword` is the keyword of
/// JSON Schema for the listed values.
macro_rules! open_enum {
    ($(#[$meta:meta])* $keyword:literal $name:ident { $($variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        ///
        /// A value that this version of the crate does not know is `Unknown`. `From` accepts it, and
        /// `FromStr` is an error that lists the known ones.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $value, "`")]
                $variant,
            )*
            /// A value that this version of the crate does not know.
            Unknown(::std::string::String),
        }

        impl $name {
            /// The values that this version of the crate knows.
            pub const KNOWN: &[Self] = &[$(Self::$variant),*];

            /// Returns the value as the service writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unknown(value) => value,
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<T: ::std::convert::AsRef<str> + ?Sized> ::std::convert::From<&T> for $name {
            /// Reads a value. A status word in another spelling, such as `COMPLETED`, becomes the
            /// listed value with the same meaning.
            fn from(value: &T) -> Self {
                let word = value.as_ref();
                let listed = |word: &str| match word {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                };
                let synonym = || {
                    let mut words = $crate::ext::values::status_words::synonyms(word).iter();
                    words.find_map(|word| listed(word))
                };
                listed(word).or_else(synonym).unwrap_or_else(|| Self::Unknown(word.to_owned()))
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::ext::values::open_enum::UnknownValue;

            /// Reads a value as `From` does. One that this version of the crate does not know is an error that
            /// lists the known ones.
            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match Self::from(text) {
                    Self::Unknown(value) => Err($crate::ext::values::open_enum::UnknownValue {
                        value,
                        known: &[$($value),*],
                    }),
                    known => Ok(known),
                }
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(value: ::std::string::String) -> Self {
                Self::from(&value)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let value = <::std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Ok(Self::from(&value))
            }
        }

        #[cfg(feature = "schemars")]
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                // A list inside the macro would be limited by its recursion.
                let values: &[&str] = &[$($value),*];
                ::schemars::json_schema!({ "type": "string", $keyword: values })
            }
        }
    };
}
pub(crate) use open_enum;

/// The error of parsing a text that is none of the values of an enum, such as [`Format`](crate::types::Format).
/// Its `Display` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    pub(crate) value: String,
    pub(crate) known: &'static [&'static str],
}

impl UnknownValue {
    /// Returns the values that this version of the crate knows.
    pub fn known(&self) -> &'static [&'static str] {
        self.known
    }
}

impl std::fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { value, known } = self;
        write!(
            f,
            "{value:?} is not one of the known values: {}",
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownValue {}
