//! Enums of responses. A value that the API document does not list is kept, and is not an error.

/// Defines an enum over strings with an `Unknown(String)` for every other value.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        ///
        /// A value that this version of the crate does not know is kept as `Unknown`.
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
                ::schemars::json_schema!({ "type": "string", "examples": values })
            }
        }
    };
}
pub(crate) use open_enum;
