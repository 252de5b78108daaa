//! Rewrites progenitor's client: it sends with our transport and its `Error`, any 2xx is a success,
//! the handwritten layer can read its builders, and it has no public constructor.

use std::collections::HashSet;
use std::env;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use serde_json::Value;
use syn::{
    Attribute, Expr, Field, FieldValue, Fields, File, FnArg, GenericArgument, ImplItem, ImplItemFn,
    Item, ItemImpl, ItemMod, ItemStruct, Lit, Member, Pat, PatRest, PathArguments, ReturnType,
    Stmt, Type, Visibility, parse_quote,
};

use super::{schemas, tables, verbs::Builder};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Rewrites the generated file in place and returns its builders. The open enums join the module
/// `types`.
pub(crate) fn rewrite(file: &mut File, document: &Value) -> Result<Vec<Builder>> {
    let has_json_schemas = env::var_os("CARGO_FEATURE_SCHEMARS").is_some();
    // The transport replaces the hooks.
    file.items.retain(|item| !is_hooks(item));
    let mut builders = Vec::new();
    for item in &mut file.items {
        match item {
            // progenitor's own error stays private: callers see ours.
            Item::Use(import) => import.vis = Visibility::Inherited,
            Item::Impl(block) if block.trait_.is_none() && is_named(&block.self_ty, "Client") => {
                block.items.retain_mut(is_not_constructor);
            }
            Item::Mod(module) if module.ident == "types" => {
                for item in items(module)? {
                    accept_numeric_ids(item);
                    if has_json_schemas {
                        schemas::add_limits(item, document);
                    }
                }
                let enums: File = syn::parse2(tables::open_enums(document))?;
                items(module)?.extend(enums.items);
            }
            Item::Mod(module) if module.ident == "builder" => {
                builders = rewrite_builders(items(module)?, document)?;
            }
            _ => {}
        }
    }
    Ok(builders)
}

fn rewrite_builders(items: &mut [Item], document: &Value) -> Result<Vec<Builder>> {
    let mut structs = Vec::new();
    let mut builders = Vec::new();
    for item in items {
        body_in_memory(item)?;
        match item {
            Item::Struct(builder) => structs.push(Parameters::of(builder)),
            Item::Impl(block) => builders.extend(rewrite_send(block, &structs, document)?),
            _ => {}
        }
    }
    if builders.len() != structs.len() {
        return Err(
            "a generated builder has no `send` to rewrite; progenitor's output has changed".into(),
        );
    }
    Ok(builders)
}

/// The parameters of a builder.
struct Parameters {
    builder: Ident,
    fields: Vec<Field>,
    /// The field that is added for the options of the call.
    options: Ident,
}

impl Parameters {
    /// Opens a builder's fields to the crate, and adds the options.
    fn of(builder: &mut ItemStruct) -> Self {
        let mut fields = Vec::new();
        for field in &mut builder.fields {
            field.vis = parse_quote!(pub(crate));
            if !matches!(field.ty, Type::Reference(_)) {
                fields.push(field.clone());
            }
        }
        let is_taken = |name: &Ident| {
            fields
                .iter()
                .any(|field| field.ident.as_ref() == Some(name))
        };
        let options = free_name("options", is_taken);
        if let Fields::Named(named) = &mut builder.fields {
            let field: Field = parse_quote!(pub(crate) #options: crate::CallOptions);
            named.named.push(field);
        }
        Self {
            builder: builder.ident.clone(),
            fields,
            options,
        }
    }
}

/// Returns a name that no parameter has: a parameter may have any.
fn free_name(name: &str, is_taken: impl Fn(&Ident) -> bool) -> Ident {
    let mut name = format_ident!("{name}");
    while is_taken(&name) {
        name = format_ident!("{name}_");
    }
    name
}

/// Makes `Self { client: client, … }` in the generated `new` begin without options.
fn without_options(new: &mut ImplItemFn, options: &Ident) -> Result<()> {
    let Some(Stmt::Expr(Expr::Struct(made), None)) = new.block.stmts.last_mut() else {
        return Err("a generated `new` does not make its builder as it did".into());
    };
    let field: FieldValue = parse_quote!(#options: crate::CallOptions::default());
    made.fields.push(field);
    Ok(())
}

/// Makes the ids of a type accept numbers.
fn accept_numeric_ids(item: &mut Item) {
    let Item::Struct(one) = item else { return };
    for field in &mut one.fields {
        let name = field.ident.as_ref().map(Ident::to_string);
        if !name.is_some_and(|name| tables::is_id(&name)) {
            continue;
        }
        let read = if is_named(&field.ty, "String") {
            "crate::ext::values::id::required"
        } else if is_named(&field.ty, "Option")
            && first_argument(&field.ty).is_some_and(|inner| is_named(inner, "String"))
        {
            "crate::ext::values::id::optional"
        } else {
            continue;
        };
        // A field that is nullable but required has a function already, and no default.
        let own = field.attrs.iter().position(reads_null);
        match own {
            Some(own) => field.attrs[own] = parse_quote!(#[serde(deserialize_with = #read)]),
            None if is_named(&field.ty, "String") => field
                .attrs
                .push(parse_quote!(#[serde(deserialize_with = #read)])),
            None => field
                .attrs
                .push(parse_quote!(#[serde(default, deserialize_with = #read)])),
        }
    }
}

/// `#[serde(deserialize_with = "::std::option::Option::deserialize")]`
fn reads_null(attribute: &Attribute) -> bool {
    let text = attribute.meta.to_token_stream().to_string();
    text.starts_with("serde") && text.contains("Option::deserialize")
}

fn is_hooks(item: &Item) -> bool {
    let of_trait = match item {
        Item::Impl(block) => block.trait_.as_ref(),
        _ => None,
    };
    of_trait.is_some_and(|(path, _)| path.segments.iter().any(|one| one.ident == "ClientHooks"))
}

fn items(module: &mut ItemMod) -> std::result::Result<&mut Vec<Item>, &'static str> {
    module
        .content
        .as_mut()
        .map(|(_, items)| items)
        .ok_or("a generated module has no body")
}

fn is_named<N: ?Sized>(ty: &Type, name: &N) -> bool
where
    Ident: PartialEq<N>,
{
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|one| one.ident == *name))
}

/// Drops `Client::new`, which has a total timeout and no key, and hides `new_with_client`.
fn is_not_constructor(item: &mut ImplItem) -> bool {
    let ImplItem::Fn(function) = item else {
        return true;
    };
    if function.sig.ident == "new_with_client" {
        function.vis = parse_quote!(pub(crate));
    }
    function.sig.ident != "new"
}

/// Makes a builder take a body of bytes as `Bytes`: a request that may be sent again needs a body that
/// can be read again.
fn body_in_memory(item: &mut Item) -> Result<()> {
    let text = quote!(#item).to_string();
    if text.contains("reqwest :: Body") {
        let text = text.replace("reqwest :: Body", ":: bytes :: Bytes");
        *item = syn::parse_str(&text.replace("derive (Debug)", "derive (Debug , Clone)"))?;
    }
    Ok(())
}

/// Replaces everything that the generated `send` does once its request is built: the transport builds
/// the request, once for each attempt, and decodes the response.
fn rewrite_send(
    block: &mut ItemImpl,
    structs: &[Parameters],
    document: &Value,
) -> Result<Option<Builder>> {
    let methods = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function.sig.ident.to_string()),
        _ => None,
    });
    let methods: HashSet<String> = methods.collect();
    let send = block.items.iter_mut().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == "send" => Some(function),
        _ => None,
    });
    let Some(send) = send else {
        return Ok(None);
    };
    let mut all = structs.iter();
    let parameters = all.find(|one| is_named(&block.self_ty, &one.builder));
    let parameters = parameters.ok_or("a generated `send` belongs to no builder")?;
    let options = &parameters.options;
    let takes_self = send.sig.inputs.len() == 1 && matches!(send.sig.inputs[0], FnArg::Receiver(_));
    if !takes_self {
        return Err("a generated `send` takes more than `self`".into());
    }
    let value =
        success_type(&send.sig.output).ok_or("a generated `send` does not return a Result")?;
    let decode =
        decoding_call(send).ok_or("a generated `send` does not match on the status as it did")?;
    let operation = send.block.stmts.iter().find_map(operation_id);
    let operation = operation.ok_or("a generated `send` does not name its operation")?;
    no_version_header(send)?;
    let statements = &mut send.block.stmts;
    let mut numbered = statements.iter().enumerate();
    let built = numbered.find_map(|(index, one)| Some((index, request(one)?.clone())));
    let (index, request) =
        built.ok_or("a generated `send` does not build its request as it did")?;
    statements.truncate(index);
    let client = statements.first_mut().and_then(destructure_clone);
    let client = client.ok_or("a generated `send` does not destructure its parameters")?;
    let docs = std::mem::take(&mut send.attrs);
    let is_taken = |name: &Ident| methods.contains(&name.to_string());
    let build_request = free_name("build_request", is_taken);
    let built = with_content_type(&request, tables::operation(document, &operation));
    let built: ImplItemFn = syn::parse2(quote! {
        /// Builds the request, without the credential.
        pub(crate) fn #build_request(&self) -> ::std::result::Result<::reqwest::Request, crate::Error> {
            let build = || -> ::std::result::Result<::reqwest::Request, Error> {
                #(#statements)*
                #built
            };
            build().map_err(crate::Error::not_built)
        }
    })?;
    *send = syn::parse2(quote! {
        #(#docs)*
        ///
        /// # Errors
        ///
        /// An [`Error`](crate::Error) that states what failed: the request was invalid, it did not
        /// arrive or was refused, or its response was not as documented.
        pub async fn send(self) -> ::std::result::Result<#value, crate::Error> {
            let build = || self.#build_request();
            let draft = crate::ext::http::options::Draft::new(&build, &self.#options);
            self.#client.transport().#decode(super::OPERATIONS, #operation, draft).await
        }
    })?;
    block.items.push(ImplItem::Fn(built));
    for item in &mut block.items {
        match item {
            ImplItem::Fn(new) if new.sig.ident == "new" => without_options(new, options)?,
            _ => {}
        }
    }
    // `ResponseValue<T>`
    let success = first_argument(&value).ok_or("a generated `send` returns no `ResponseValue`")?;
    Ok(Some(Builder {
        name: parameters.builder.clone(),
        operation,
        build_request,
        success: success.clone(),
        fields: parameters.fields.clone(),
        options: parameters.options.clone(),
        methods,
    }))
}

/// The built request, with the header `Content-Type` that the document states.
fn with_content_type(request: &Expr, operation: Option<&Value>) -> TokenStream {
    let content_type = operation.and_then(|operation| operation["x-content-type"].as_str());
    let Some(content_type) = content_type else {
        return quote!(Ok(#request));
    };
    quote! {
        let mut request = #request;
        request.headers_mut().insert(
            ::reqwest::header::CONTENT_TYPE,
            ::reqwest::header::HeaderValue::from_static(#content_type),
        );
        Ok(request)
    }
}

/// The `T` of `Result<T, E>`.
fn success_type(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    first_argument(ty).cloned()
}

/// The `T` of `Path<T, …>`.
pub(crate) fn first_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// The transport's method that decodes the success body.
///
/// It accepts any 2xx: a service that sends 200 where its document says 202 has started the job all
/// the same.
fn decoding_call(send: &ImplItemFn) -> Option<Ident> {
    let Some(Stmt::Expr(Expr::Match(status), None)) = send.block.stmts.last() else {
        return None;
    };
    let success = status.arms.iter().find(|arm| {
        let code = match &arm.pat {
            Pat::Lit(pattern) => code(&pattern.lit),
            Pat::Range(range) => match range.start.as_deref() {
                Some(Expr::Lit(start)) => code(&start.lit),
                _ => None,
            },
            _ => None,
        };
        code.is_some_and(|code| (200..300).contains(&code))
    });
    let body = &*success?.body;
    let body = quote!(#body).to_string();
    let calls = [
        ("from_response", "json"),
        ("stream", "stream"),
        ("empty", "empty"),
    ];
    let is_call = |name: &str| body.contains(&format!("ResponseValue :: {name} ("));
    let call = calls.into_iter().find(|(name, _)| is_call(name));
    call.map(|(_, method)| format_ident!("{method}"))
}

/// Makes `let Self { client, … } = self;` destructure a clone. Returns the name of the client, which
/// differs if a parameter is called `client`.
fn destructure_clone(parameters: &mut Stmt) -> Option<Member> {
    let Stmt::Local(parameters) = parameters else {
        return None;
    };
    parameters.init.as_mut()?.expr = parse_quote!(self.clone());
    match &mut parameters.pat {
        Pat::Struct(fields) => {
            fields.rest = Some(PatRest {
                attrs: Vec::new(),
                dot2_token: syn::Token![..](Span::call_site()),
            });
            Some(fields.fields.first()?.member.clone())
        }
        _ => None,
    }
}

/// The built request in `let mut request = client.client.get(url)….build()?;`.
fn request(statement: &Stmt) -> Option<&Expr> {
    let Stmt::Local(local) = statement else {
        return None;
    };
    let built = &*local.init.as_ref()?.expr;
    let Expr::Try(attempt) = built else {
        return None;
    };
    matches!(&*attempt.expr, Expr::MethodCall(call) if call.method == "build").then_some(built)
}

fn code(literal: &Lit) -> Option<u16> {
    let Lit::Int(code) = literal else {
        return None;
    };
    code.base10_parse().ok()
}

/// Drops the header `api-version`, which progenitor adds and the document does not declare. Most
/// operations have no other header.
fn no_version_header(send: &mut ImplItemFn) -> Result<()> {
    let changed = "a generated `send` adds no `api-version`; progenitor's output has changed";
    let statements = &mut send.block.stmts;
    let text = |statement: &Stmt| quote!(#statement).to_string();
    let is_version = |text: &str| text.contains(". append (") && text.contains("\"api-version\"");
    let version = statements.iter().position(|one| is_version(&text(one)));
    let version = text(&statements.remove(version.ok_or(changed)?));
    // `header_map`, or `_header_map` beside a parameter of that name.
    let map = format_ident!("{}", version.split(' ').next().ok_or(changed)?);
    let appends = format!("{map} . append (");
    if !statements.iter().any(|one| text(one).contains(&appends)) {
        let begins = format!("let mut {map} =");
        let made = statements
            .iter()
            .position(|one| text(one).starts_with(&begins));
        statements[made.ok_or(changed)?] =
            parse_quote!(let #map = ::reqwest::header::HeaderMap::new(););
    }
    Ok(())
}

/// The id in `let info = OperationInfo { operation_id: "…" };`.
fn operation_id(statement: &Stmt) -> Option<String> {
    let Stmt::Local(local) = statement else {
        return None;
    };
    let Expr::Struct(info) = &*local.init.as_ref()?.expr else {
        return None;
    };
    let field = info
        .fields
        .first()
        .filter(|_| info.path.is_ident("OperationInfo"))?;
    match &field.expr {
        Expr::Lit(id) => match &id.lit {
            Lit::Str(id) => Some(id.value()),
            _ => None,
        },
        _ => None,
    }
}
