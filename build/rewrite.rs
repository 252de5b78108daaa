//! The few changes that make progenitor's client ours: it sends by our transport and with its
//! `Error`, any 2xx is a success, the handwritten verbs can see into its builders, and it has no
//! constructor beside ours.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Expr, File, FnArg, GenericArgument, ImplItem, ImplItemFn, Item, ItemImpl, ItemMod, Member, Pat,
    PathArguments, ReturnType, Stmt, Type, Visibility, parse_quote,
};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Rewrites the generated file in place; `open_enums` joins the module `types`.
pub(crate) fn rewrite(file: &mut File, open_enums: &TokenStream) -> Result {
    let (mut builders, mut sends) = (0, 0);
    // The transport has no hooks.
    file.items.retain(|item| !is_hooks(item));
    for item in &mut file.items {
        match item {
            // progenitor's own error stays inside: callers see ours.
            Item::Use(import) => import.vis = Visibility::Inherited,
            Item::Impl(block) if block.trait_.is_none() && is_named(&block.self_ty, "Client") => {
                block.items.retain_mut(is_not_constructor);
            }
            Item::Mod(module) if module.ident == "types" => {
                let enums: File = syn::parse2(open_enums.clone())?;
                items(module)?.extend(enums.items);
            }
            Item::Mod(module) if module.ident == "builder" => {
                for item in items(module)? {
                    body_in_memory(item)?;
                    match item {
                        Item::Struct(builder) => {
                            builders += 1;
                            for field in &mut builder.fields {
                                field.vis = parse_quote!(pub(crate));
                            }
                        }
                        Item::Impl(block) => sends += usize::from(rewrite_send(block)?),
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

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident(name))
}

/// Drops `Client::new` (it has a total timeout and no key) and keeps `new_with_client` for us alone.
fn is_not_constructor(item: &mut ImplItem) -> bool {
    let ImplItem::Fn(function) = item else {
        return true;
    };
    if function.sig.ident == "new_with_client" {
        function.vis = parse_quote!(pub(crate));
    }
    function.sig.ident != "new"
}

/// Has a builder take a body of bytes as such: a request that may be sent again has no use for a body
/// that can be read but once.
fn body_in_memory(item: &mut Item) -> Result {
    let text = quote!(#item).to_string();
    if text.contains("reqwest :: Body") {
        let text = text.replace("reqwest :: Body", ":: bytes :: Bytes");
        *item = syn::parse_str(&text.replace("derive (Debug)", "derive (Debug , Clone)"))?;
    }
    Ok(())
}

/// Puts the transport in the place of what the generated `send` does once its request is built: the
/// transport builds it, anew for each try, and reads the answer.
fn rewrite_send(block: &mut ItemImpl) -> std::result::Result<bool, Box<dyn std::error::Error>> {
    let send = block.items.iter_mut().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == "send" => Some(function),
        _ => None,
    });
    let Some(send) = send else {
        return Ok(false);
    };
    let takes_self = send.sig.inputs.len() == 1 && matches!(send.sig.inputs[0], FnArg::Receiver(_));
    if !takes_self {
        return Err("a generated `send` takes more than `self`".into());
    }
    let value =
        success_type(&send.sig.output).ok_or("a generated `send` does not return a Result")?;
    let read = reading(send).ok_or("a generated `send` does not match on the status as it did")?;
    let operation = send.block.stmts.iter().find_map(operation_id);
    let operation = operation.ok_or("a generated `send` does not name its operation")?;
    no_version_header(send)?;
    let statements = &mut send.block.stmts;
    let mut numbered = statements.iter().enumerate();
    let built = numbered.find_map(|(index, one)| Some((index, request(one)?.clone())));
    let (index, request) =
        built.ok_or("a generated `send` does not build its request as it did")?;
    statements.truncate(index);
    let client = statements.first_mut().and_then(repeatable);
    let client = client.ok_or("a generated `send` does not take its parameters apart")?;
    let docs = std::mem::take(&mut send.attrs);
    *send = syn::parse2(quote! {
        #(#docs)*
        ///
        /// # Errors
        ///
        /// Whatever [`Error`](crate::Error) can say: the request was not valid, did not get
        /// through, or was refused, or its answer was not understood.
        pub async fn send(self) -> ::std::result::Result<#value, crate::Error> {
            let build = || -> ::std::result::Result<::reqwest::Request, Error> {
                #(#statements)*
                Ok(#request)
            };
            let answer = self.#client.transport().exchange(super::OPERATIONS, #operation, &build);
            #read
        }
    })?;
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

/// How the success arm reads its answer, by a method of the transport's. There the documented status
/// is any 2xx, since a service that answers 200 where its document says 202 has still
/// started the job.
fn reading(send: &ImplItemFn) -> Option<TokenStream> {
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
    let readings = [
        ("from_response", quote!(answer.await?.json())),
        ("stream", quote!(Ok(answer.await?.stream()))),
        ("empty", quote!(Ok(answer.await?.empty()))),
    ];
    let is_it = |name: &str| body.contains(&format!("ResponseValue :: {name} ("));
    let reading = readings.into_iter().find(|(name, _)| is_it(name));
    reading.map(|(_, reading)| reading)
}

/// Has `let Self { client, … } = self;` take a copy apart; returns the client's name, which is another
/// beside a parameter of that name.
fn repeatable(parameters: &mut Stmt) -> Option<Member> {
    let Stmt::Local(parameters) = parameters else {
        return None;
    };
    parameters.init.as_mut()?.expr = parse_quote!(self.clone());
    match &parameters.pat {
        Pat::Struct(fields) => Some(fields.fields.first()?.member.clone()),
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

fn code(literal: &syn::Lit) -> Option<u16> {
    let syn::Lit::Int(code) = literal else {
        return None;
    };
    code.base10_parse().ok()
}

/// Drops the header `api-version`, which progenitor adds and the document does not know; most
/// operations have no other.
fn no_version_header(send: &mut ImplItemFn) -> Result {
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
fn operation_id(statement: &Stmt) -> Option<Expr> {
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
    Some(field.expr.clone())
}
