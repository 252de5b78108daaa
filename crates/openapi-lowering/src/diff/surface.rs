//! The public items of the generated client.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{Fields, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Visibility};

use crate::generator::open_enum;

/// The kind of an item, with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The public fields.
    Struct { fields: BTreeMap<String, Field> },
    /// The variants, each with its content. An open enum has an `Unknown` variant, so new values
    /// break no `match`.
    Enum {
        variants: BTreeMap<String, String>,
        is_open: bool,
    },
    /// The target of an alias, or the signature of a function.
    Line(String),
    /// The builder of an operation: its setters and the response of `send`.
    Operation {
        setters: BTreeMap<String, Field>,
        response: String,
    },
}

/// A field of a struct, or a setter of a builder, and whether the builder fails without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) kind: String,
    pub(super) is_required: bool,
}

/// An item with the traits that it implements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) body: Body,
    pub(super) traits: BTreeSet<String>,
}

/// The public items by path, such as `types::Scene`.
pub(super) type Surface = BTreeMap<String, Entry>;

/// Parses the generated client. Invalid code yields an empty surface.
pub(super) fn read(code: &str) -> Surface {
    let mut surface = Surface::new();
    let Ok(file) = syn::parse_file(code) else {
        return surface;
    };
    for item in &file.items {
        match item {
            Item::Mod(module) => {
                let items = module.content.iter().flat_map(|(_, items)| items);
                match module.ident.to_string().as_str() {
                    "types" => types(items, &mut surface),
                    "builder" => operations(items, &mut surface),
                    _ => {}
                }
            }
            Item::Impl(block) if block.trait_.is_none() && name(&block.self_ty) == "Client" => {
                for function in public_methods(block) {
                    let path = format!("Client::{}", function.sig.ident);
                    let line = Body::Line(text(&function.sig));
                    surface.insert(path, entry(line));
                }
            }
            _ => {}
        }
    }
    surface
}

/// Formats the surface as text, with one line per item, field or variant.
pub fn outline(code: &str) -> String {
    let mut lines = Vec::new();
    let field = |(name, field): (&String, &Field)| {
        let mark = if field.is_required { " (required)" } else { "" };
        format!("    {name}: {}{mark}", field.kind)
    };
    for (path, item) in read(code) {
        match &item.body {
            Body::Struct { fields } => {
                lines.push(format!("struct {path}"));
                lines.extend(fields.iter().map(field));
            }
            Body::Enum { variants, is_open } => {
                lines.push(format!(
                    "{} {path}",
                    if *is_open { "open enum" } else { "enum" }
                ));
                lines.extend(
                    variants
                        .iter()
                        .map(|(name, content)| format!("    {name}{content}")),
                );
            }
            Body::Line(line) => lines.push(format!("{path}: {line}")),
            Body::Operation { setters, response } => {
                lines.push(format!("operation {path} -> {response}"));
                lines.extend(setters.iter().map(field));
            }
        }
    }
    lines.join("\n") + "\n"
}

fn entry(body: Body) -> Entry {
    Entry {
        body,
        traits: BTreeSet::new(),
    }
}

fn types<'a>(items: impl Iterator<Item = &'a Item>, surface: &mut Surface) {
    let mut traits: Vec<(String, String)> = Vec::new();
    let mut required: BTreeSet<(String, String)> = BTreeSet::new();
    for item in items {
        match item {
            Item::Struct(item) => {
                let fields = fields(&item.fields);
                surface.insert(
                    path(&item.ident),
                    with_derives(Body::Struct { fields }, &item.attrs),
                );
            }
            Item::Enum(item) => {
                let variants = item.variants.iter();
                let variants = variants
                    .map(|variant| (variant.ident.to_string(), text(&variant.fields)))
                    .collect();
                let body = Body::Enum {
                    variants,
                    is_open: false,
                };
                surface.insert(path(&item.ident), with_derives(body, &item.attrs));
            }
            Item::Type(item) => {
                surface.insert(path(&item.ident), entry(Body::Line(text(&item.ty))));
            }
            Item::Impl(block) => {
                if let Some((implemented, _)) = &block.trait_ {
                    traits.push((name(&block.self_ty), text(implemented)));
                }
            }
            Item::Macro(item) => {
                if let Some((name, variants)) = open_enum(&item.mac.tokens) {
                    let body = Body::Enum {
                        variants,
                        is_open: true,
                    };
                    surface.insert(format!("types::{name}"), entry(body));
                }
            }
            Item::Mod(module) if module.ident == "builder" => {
                let items = module.content.iter().flat_map(|(_, items)| items);
                required.extend(items.filter_map(required_fields).flatten());
            }
            _ => {}
        }
    }
    for (name, implemented) in traits {
        if let Some(item) = surface.get_mut(&format!("types::{name}")) {
            item.traits.insert(implemented);
        }
    }
    for (name, field) in required {
        if let Some(Entry {
            body: Body::Struct { fields },
            ..
        }) = surface.get_mut(&format!("types::{name}"))
            && let Some(field) = fields.get_mut(&field)
        {
            field.is_required = true;
        }
    }
}

fn path(ident: &syn::Ident) -> String {
    format!("types::{ident}")
}

fn fields(fields: &Fields) -> BTreeMap<String, Field> {
    let public = fields.iter().enumerate();
    public
        .filter(|(_, field)| matches!(field.vis, Visibility::Public(_)))
        .map(|(index, field)| {
            let name = field
                .ident
                .as_ref()
                .map_or_else(|| index.to_string(), ToString::to_string);
            let kind = text(&field.ty);
            (
                name,
                Field {
                    kind,
                    is_required: false,
                },
            )
        })
        .collect()
}

fn with_derives(body: Body, attributes: &[syn::Attribute]) -> Entry {
    let mut item = entry(body);
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            item.traits.insert(text(&meta.path));
            Ok(())
        });
    }
    item
}

/// Returns the required fields of a type, each with the type's name. The item is the `Default`
/// implementation of its builder, which sets these fields to `Err(…)`.
fn required_fields(item: &Item) -> Option<Vec<(String, String)>> {
    let Item::Impl(block) = item else { return None };
    let (implemented, _) = block.trait_.as_ref()?;
    (implemented.segments.last()?.ident == "Default").then(|| {
        let owner = name(&block.self_ty);
        let fields = all_methods(block).flat_map(unset_fields);
        fields.map(|field| (owner.clone(), field)).collect()
    })
}

/// Returns the fields that a function sets to `Err(…)` in the `Self { … }` that it returns.
fn unset_fields(function: &ImplItemFn) -> Vec<String> {
    let Some(syn::Stmt::Expr(syn::Expr::Struct(value), _)) = function.block.stmts.last() else {
        return Vec::new();
    };
    let is_error = |expression: &syn::Expr| match expression {
        syn::Expr::Call(call) => text(&call.func) == "Err",
        _ => false,
    };
    value
        .fields
        .iter()
        .filter(|field| is_error(&field.expr))
        .map(|field| text(&field.member))
        .collect()
}

fn operations<'a>(items: impl Iterator<Item = &'a Item>, surface: &mut Surface) {
    for item in items {
        let Item::Impl(block) = item else { continue };
        if block.trait_.is_some() {
            continue;
        }
        let mut setters = BTreeMap::new();
        let mut response = String::new();
        let mut required = Vec::new();
        for function in public_methods(block) {
            match function.sig.ident.to_string().as_str() {
                "new" => required = unset_fields(function),
                "send" => response = output(function),
                // It sets the same argument as `body`, by a closure on the builder.
                "body_map" => {}
                name => {
                    let kind = function
                        .sig
                        .generics
                        .where_clause
                        .as_ref()
                        .map_or_else(String::new, text);
                    let inputs: Vec<String> =
                        function.sig.inputs.iter().filter_map(argument).collect();
                    let kind = format!("({}) {kind}", inputs.join(", "))
                        .trim_end()
                        .to_owned();
                    setters.insert(
                        name.to_owned(),
                        Field {
                            kind,
                            is_required: false,
                        },
                    );
                }
            }
        }
        for name in required {
            if let Some(setter) = setters.get_mut(&name) {
                setter.is_required = true;
            }
        }
        let path = format!("builder::{}", name(&block.self_ty));
        surface.insert(path, entry(Body::Operation { setters, response }));
    }
}

fn argument(input: &FnArg) -> Option<String> {
    match input {
        FnArg::Typed(input) => Some(text(&input.ty)),
        FnArg::Receiver(_) => None,
    }
}

/// Returns the `T` of the return type `Result<ResponseValue<T>, _>`.
fn output(function: &ImplItemFn) -> String {
    let syn::ReturnType::Type(_, output) = &function.sig.output else {
        return "()".to_owned();
    };
    let response = first_argument(output).unwrap_or(output);
    text(first_argument(response).unwrap_or(response))
}

/// Returns the first generic argument of a type, if it has one.
fn first_argument(kind: &syn::Type) -> Option<&syn::Type> {
    let syn::Type::Path(path) = kind else {
        return None;
    };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(kind) => Some(kind),
        _ => None,
    })
}

fn all_methods(block: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

fn public_methods(block: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    all_methods(block).filter(|function| matches!(function.vis, Visibility::Public(_)))
}

/// Returns the name of a type without its path and its generic arguments.
fn name(kind: &syn::Type) -> String {
    match kind {
        syn::Type::Path(path) => {
            let last = path.path.segments.last();
            last.map_or_else(String::new, |segment| segment.ident.to_string())
        }
        other => text(other),
    }
}

/// Formats tokens in the usual style, without the paths of the standard library.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" , ", ", "),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("& ", "&"),
        (" :", ":"),
        (",>", ">"),
        ("::std::option::", ""),
        ("::std::string::", ""),
        ("::std::vec::", ""),
        ("::std::boxed::", ""),
        ("::std::convert::", ""),
        ("std::convert::", ""),
        ("::std::result::", ""),
        ("::std::fmt::", ""),
        ("::serde_json::", "serde_json::"),
        ("::std::collections::", ""),
    ] {
        text = text.replace(from, to);
    }
    text
}
