//! The documentation of the generated client: an example for each operation that shows what its builder
//! needs.

use proc_macro2::Ident;
use serde_json::Value;
use syn::{
    Attribute, Expr, File, ImplItem, ImplItemFn, Item, ItemStruct, Lit, Meta, ReturnType,
    parse_quote,
};

use super::rewrite::first_argument;
use super::tables;
use super::verbs::{Builder, body_fields, inner, last};

/// Replaces progenitor's examples, which pass a complete body, and its page of the client, which describes
/// the document. The crate describes the client where it exports it.
pub(crate) fn document_client(
    document: &Value,
    file: &mut File,
    builders: &[Builder],
    types: &[ItemStruct],
) {
    for item in &mut file.items {
        match item {
            Item::Struct(client) if client.ident == "Client" => {
                client.attrs.retain(|one| !one.path().is_ident("doc"));
                client
                    .attrs
                    .push(parse_quote!(#[doc = "The operations of the document."]));
            }
            Item::Impl(block) if block.trait_.is_none() => {
                for item in &mut block.items {
                    if let ImplItem::Fn(method) = item
                        && let Some(name) = returned_builder(method)
                        && let Some(builder) = builders.iter().find(|one| one.name == name)
                    {
                        let example = example(document, &method.sig.ident, builder, types);
                        method
                            .attrs
                            .iter_mut()
                            .for_each(|one| replace_example(one, &example));
                    }
                }
            }
            _ => {}
        }
    }
}

/// The `GetScene` of a method that returns `builder::GetScene<'_>`.
fn returned_builder(method: &ImplItemFn) -> Option<String> {
    match &method.sig.output {
        ReturnType::Type(_, ty) => last(ty),
        ReturnType::Default => None,
    }
}

/// `let job = client.generate_scene().prompt("…").start().await?;`
fn example(document: &Value, method: &Ident, builder: &Builder, types: &[ItemStruct]) -> String {
    let mut lines = vec![format!("client.{method}()")];
    let body = body_fields(builder, types);
    let parameters = builder.fields.iter().filter_map(|field| {
        let is_replaced = field.ident.as_ref()? == "body" && !body.is_empty();
        (!is_replaced).then_some((field.ident.as_ref()?, first_argument(&field.ty)?))
    });
    let fields = body
        .iter()
        .filter_map(|field| Some((field.ident.as_ref()?, &field.ty)));
    for (name, ty) in parameters.chain(fields) {
        if inner(ty, "Option").is_some() {
            continue;
        }
        let value = match last(ty).as_deref() {
            Some("String") => "\"…\"".to_owned(),
            Some("Vec") => "[\"…\"]".to_owned(),
            _ => name.to_string(),
        };
        lines.push(format!(".{name}({value})"));
    }
    let operation = tables::operation(document, &builder.operation);
    let starts = operation.is_some_and(|operation| operation["x-starts"].is_string());
    let is_file = operation.is_some_and(|operation| tables::success(operation) == "File");
    let (result, verb) = match last(&builder.success).as_deref() {
        Some("JobAccepted") if starts => ("job", "start"),
        _ if starts => ("asset", "start"),
        _ if is_file => ("download", "download"),
        Some("Page") => ("page", "send"),
        _ => ("response", "send"),
    };
    lines.push(format!(".{verb}()"));
    lines.push(".await?;".to_owned());
    format!("```ignore\nlet {result} = {}\n```", lines.join("\n    "))
}

/// Replaces the code in a comment.
fn replace_example(attribute: &mut Attribute, example: &str) {
    let Meta::NameValue(doc) = &mut attribute.meta else {
        return;
    };
    let Expr::Lit(literal) = &mut doc.value else {
        return;
    };
    let Lit::Str(text) = &literal.lit else { return };
    let text = text.value();
    if let Some((before, _)) = text.split_once("```ignore") {
        let text = format!("{before}{example}");
        literal.lit = parse_quote!(#text);
    }
}
