//! The few changes that make progenitor's client ours: one `Error`, any 2xx a success, builders
//! that the handwritten verbs can see into, and no constructor beside ours.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Expr, File, FnArg, GenericArgument, ImplItem, Item, ItemImpl, ItemMod, Pat, PathArguments,
    ReturnType, Type, Visibility, parse_quote,
};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Rewrites the generated file in place; `open_enums` joins the module `types`.
pub(crate) fn rewrite(file: &mut File, open_enums: &TokenStream) -> Result {
    let (mut builders, mut sends) = (0, 0);
    for item in &mut file.items {
        match item {
            // progenitor's own error stays inside: callers see ours.
            Item::Use(import) => import.vis = Visibility::Inherited,
            Item::Impl(block) if block.trait_.is_none() && is_named(&block.self_ty, "Client") => {
                block.items.retain_mut(own_constructor);
            }
            Item::Mod(module) if module.ident == "types" => {
                let enums: File = syn::parse2(open_enums.clone())?;
                items(module)?.extend(enums.items);
            }
            Item::Mod(module) if module.ident == "builder" => {
                for item in items(module)? {
                    match item {
                        Item::Struct(builder) => {
                            builders += 1;
                            for field in &mut builder.fields {
                                field.vis = parse_quote!(pub(crate));
                            }
                        }
                        Item::Impl(block) => sends += usize::from(own_send(block)?),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if sends != builders {
        return Err(
            "a generated builder has no `send` to rewrite; progenitor's output has changed".into(),
        );
    }
    Ok(())
}

fn items(module: &mut ItemMod) -> std::result::Result<&mut Vec<Item>, &'static str> {
    module
        .content
        .as_mut()
        .map(|(_, items)| items)
        .ok_or("a generated module has no body")
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident(name))
}

/// Drops `Client::new` (it has a total timeout and no key) and keeps `new_with_client` for us alone.
fn own_constructor(item: &mut ImplItem) -> bool {
    let ImplItem::Fn(function) = item else {
        return true;
    };
    if function.sig.ident == "new_with_client" {
        function.vis = parse_quote!(pub(crate));
    }
    function.sig.ident != "new"
}

/// Keeps the generated `send` as the private `exchange` and puts one with our `Error` before it.
fn own_send(block: &mut ItemImpl) -> std::result::Result<bool, Box<dyn std::error::Error>> {
    let Some(index) = block
        .items
        .iter()
        .position(|item| matches!(item, ImplItem::Fn(f) if f.sig.ident == "send"))
    else {
        return Ok(false);
    };
    let ImplItem::Fn(exchange) = &mut block.items[index] else {
        unreachable!("just matched")
    };
    let takes_self =
        exchange.sig.inputs.len() == 1 && matches!(exchange.sig.inputs[0], FnArg::Receiver(_));
    if !takes_self {
        return Err("a generated `send` takes more than `self`".into());
    }
    let docs = std::mem::take(&mut exchange.attrs);
    let value =
        success_type(&exchange.sig.output).ok_or("a generated `send` does not return a Result")?;
    let operation = any_2xx_is_success(exchange)
        .ok_or("a generated `send` does not match on the status as it did")?;
    no_version_header(exchange)?;
    exchange.sig.ident = parse_quote!(exchange);
    exchange.vis = Visibility::Inherited;
    let send = quote! {
        #(#docs)*
        ///
        /// # Errors
        ///
        /// Whatever [`Error`](crate::Error) can say: the request was not valid, did not get
        /// through, or was refused, or its answer was not understood.
        pub async fn send(self) -> ::std::result::Result<#value, crate::Error> {
            self.exchange().await.map_err(|error| crate::Error::from_raw(#operation, error))
        }
    };
    block.items.insert(index, syn::parse2(send)?);
    Ok(true)
}

/// The `T` of `Result<T, E>`.
fn success_type(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let Type::Path(path) = &**ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    }
}

/// Widens the success arm from the documented status to every 2xx: a service that answers 200
/// where its document says 202 has still started the job. The transport has read the body of a
/// success by then, and what else it brings up is an error of ours. Returns the operation's id.
fn any_2xx_is_success(exchange: &mut syn::ImplItemFn) -> Option<Expr> {
    let operation = exchange.block.stmts.iter().find_map(operation_id)?;
    let Some(syn::Stmt::Expr(Expr::Match(status), None)) = exchange.block.stmts.last_mut() else {
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
    let text = quote!(#body).to_string();
    // `response`, or `_response` beside a parameter of that name.
    let response = &*status.expr;
    let response = quote!(#response).to_string();
    let response = format_ident!("{}", response.split(' ').next()?);
    let read = quote!(ResponseValue::from_response(#response).await).to_string();
    let value: Expr = if text.trim_matches(['{', '}', ' ']) == read {
        parse_quote!(crate::ext::transport::decoded(#response))
    } else if text.contains("from_response") {
        return None;
    } else {
        body.clone()
    };
    status.arms = vec![
        parse_quote!(200u16..=299u16 => #value,),
        parse_quote!(_ => Err(Error::UnexpectedResponse(#response)),),
    ];
    Some(operation)
}

fn code(literal: &syn::Lit) -> Option<u16> {
    let syn::Lit::Int(code) = literal else {
        return None;
    };
    code.base10_parse().ok()
}

/// Drops the header `api-version`, which progenitor adds and the document does not know; most
/// operations have no other.
fn no_version_header(exchange: &mut syn::ImplItemFn) -> Result {
    let changed = "a generated `send` adds no `api-version`; progenitor's output has changed";
    let statements = &mut exchange.block.stmts;
    let text = |statement: &syn::Stmt| quote!(#statement).to_string();
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
fn operation_id(statement: &syn::Stmt) -> Option<Expr> {
    let syn::Stmt::Local(local) = statement else {
        return None;
    };
    let Expr::Struct(info) = &*local.init.as_ref()?.expr else {
        return None;
    };
    let field = info
        .fields
        .first()
        .filter(|_| info.path.is_ident("OperationInfo"))?;
    Some(field.expr.clone())
}
