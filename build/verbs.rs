//! The methods that the generated builders have beyond progenitor's: setters for the fields of a
//! body, `start` on an operation that starts a job, `pages` and `items` on one that lists, `download` on
//! one that returns a file.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use serde_json::Value;
use syn::{Attribute, Field, File, Ident, Item, ItemStruct, Type};

use super::rewrite::first_argument;
use super::tables;

/// A generated builder, as the rewrite found it.
pub(crate) struct Builder {
    pub(crate) name: Ident,
    pub(crate) operation: String,
    /// The method that builds the request.
    pub(crate) build_request: Ident,
    /// The type of a success body.
    pub(crate) success: Type,
    /// The parameters, without the client.
    pub(crate) fields: Vec<Field>,
    /// The field with the options of the call.
    pub(crate) options: Ident,
    pub(crate) methods: HashSet<String>,
}

/// Returns the module that adds the methods.
pub(crate) fn verbs(document: &Value, types: &[ItemStruct], builders: &[Builder]) -> TokenStream {
    let client = document["x-client"]
        .as_str()
        .unwrap_or("crate::raw::Client");
    let client: Type = syn::parse_str(client).expect("`x-client` is the path of a type");
    let mut methods = Vec::new();
    for builder in builders {
        methods.push(options(builder));
        methods.extend(setters(builder, types));
        methods.extend(start(document, builder));
        methods.extend(list(&client, builder));
        methods.extend(download(&client, document, builder));
    }
    quote! {
        mod verbs {
            use super::types::*;
            use super::{builder, types};

            #(#methods)*
        }
    }
}

/// The structs of a module.
pub(crate) fn structs(file: &File, module: &str) -> Vec<ItemStruct> {
    let modules = file.items.iter().filter_map(|item| match item {
        Item::Mod(one) if one.ident == module => one.content.as_ref(),
        _ => None,
    });
    let items = modules.flat_map(|(_, items)| items);
    items
        .filter_map(|item| match item {
            Item::Struct(one) => Some(one.clone()),
            _ => None,
        })
        .collect()
}

/// `options`, on every builder.
fn options(builder: &Builder) -> TokenStream {
    let (name, options) = (&builder.name, &builder.options);
    quote! {
        impl builder::#name<'_> {
            /// Sets what this call does differently: further headers, parameters of the query or fields
            /// of the body, a deadline, another retry policy.
            #[must_use]
            pub fn #options(self, options: crate::CallOptions) -> Self {
                Self { #options: options, ..self }
            }
        }
    }
}

/// A setter for each field of the body.
fn setters(builder: &Builder, types: &[ItemStruct]) -> Option<TokenStream> {
    let fields = body_fields(builder, types);
    let setters = fields.iter().filter_map(|field| setter(field));
    let setters: Vec<TokenStream> = setters.collect();
    let name = &builder.name;
    (!setters.is_empty()).then(|| {
        quote! {
            impl builder::#name<'_> {
                #(#setters)*
            }
        }
    })
}

/// The fields of the body, except those whose name is a method of the builder.
pub(crate) fn body_fields<'a>(builder: &Builder, types: &'a [ItemStruct]) -> Vec<&'a Field> {
    let body = builder.fields.iter().find(|field| is(field, "body"));
    // `Result<types::builder::GenerateSceneBody, String>`
    let body = body.and_then(|body| first_argument(&body.ty));
    let Some(Type::Path(body)) = body else {
        return Vec::new();
    };
    let segments = &body.path.segments;
    if !segments.iter().any(|one| one.ident == "builder") {
        return Vec::new();
    }
    let name = segments.last().map(|last| &last.ident);
    let body = types.iter().find(|one| Some(&one.ident) == name);
    let is_flattened = |one: &Attribute| one.to_token_stream().to_string().contains("flatten");
    let fields = body.into_iter().flat_map(|body| &body.fields);
    fields
        .filter(|field| {
            let name = field.ident.as_ref().map(ToString::to_string);
            name.is_some_and(|name| !builder.methods.contains(&name))
                && !field.attrs.iter().any(is_flattened)
        })
        .collect()
}

fn setter(field: &Field) -> Option<TokenStream> {
    let name = field.ident.as_ref()?;
    let text = name.to_string();
    let mut docs: Vec<TokenStream> = field
        .attrs
        .iter()
        .filter(|one| one.path().is_ident("doc"))
        .map(ToTokens::to_token_stream)
        .collect();
    if docs.is_empty() {
        let doc = format!("Sets `{text}` in the body.");
        docs.push(quote!(#[doc = #doc]));
    }
    let optional = inner(&field.ty, "Option");
    if optional.is_none() {
        docs.push(quote!(#[doc = ""] #[doc = "Required."]));
    }
    let ty = optional.unwrap_or(&field.ty);
    Some(if let Some(item) = inner(ty, "Vec") {
        quote! {
            #(#docs)*
            #[must_use]
            pub fn #name<I>(self, values: I) -> Self
            where
                I: IntoIterator,
                I::Item: Into<#item>,
            {
                let values: #ty = values.into_iter().map(Into::into).collect();
                self.body_map(|body| body.#name(values))
            }
        }
    } else {
        let prefix = format!("{text}: {{}}");
        quote! {
            #(#docs)*
            #[must_use]
            pub fn #name<V>(self, value: V) -> Self
            where
                V: TryInto<#ty>,
                V::Error: std::fmt::Display,
            {
                match value.try_into() {
                    Ok(value) => {
                        let value: #ty = value;
                        self.body_map(|body| body.#name(value))
                    }
                    Err(error) => Self { body: Err(format!(#prefix, error)), ..self },
                }
            }
        }
    })
}

/// `start` and `start_journaled`, where the document states `x-starts` and the response names a job.
fn start(document: &Value, builder: &Builder) -> Option<TokenStream> {
    let operation = tables::operation(document, &builder.operation)?;
    operation["x-starts"].as_str()?;
    // Assumptions: generation-202-ids, edit-202-ids.
    if last(&builder.success)? != "JobAccepted" {
        return None;
    }
    let (name, operation) = (&builder.name, &builder.operation);
    let (build_request, options) = (&builder.build_request, &builder.options);
    Some(quote! {
        impl builder::#name<'_> {
            /// Sends the request, which costs credits, and returns a handle on the job it starts.
            ///
            /// The request is never sent again once it may have arrived.
            ///
            /// Before it, the client lists the newest scenes or assets, so that
            /// [`Client::reconcile`](crate::Client::reconcile) can tell what is new if the response
            /// is lost. Calls within a minute share one list, which costs no credits and one request
            /// of the rate limit. If the list fails or takes more than 10 s, the client sends the
            /// request without it, and `reconcile` relies on clocks.
            ///
            /// # Errors
            ///
            /// Those of `send`. If [`Error::is_outcome_unknown`](crate::Error::is_outcome_unknown),
            /// the job may be running, and be paid for.
            ///
            /// # Cancel safety
            ///
            /// Not cancel safe: dropping the future before it completes may leave a job running
            /// whose id is unknown. Use [`CallOptions::deadline`](crate::CallOptions::deadline) in place of
            /// a timeout around it, or find the request in
            /// [`Client::unresolved_requests`](crate::Client::unresolved_requests).
            pub async fn start(self) -> Result<crate::JobHandle, crate::Error> {
                let build = || self.#build_request();
                let draft = crate::ext::http::options::Draft::new(&build, &self.#options);
                self.client.start_job(super::OPERATIONS, #operation, draft).await
            }

            /// Starts the job as [`start`](Self::start) does, after `journal` has stored the request.
            ///
            /// A process that dies between the request and its response does not know whether it has paid. With the
            /// stored request, another process can look for the job with
            /// [`Client::reconcile_request`](crate::Client::reconcile_request), and what the service listed before
            /// the request tells what is new. `journal` is called once, as soon as the rate limit allows the request,
            /// and before it is sent. If it fails, the request is not sent.
            ///
            /// ```no_run
            /// # async fn example(client: gizmo_client::Client) -> Result<(), gizmo_client::Error> {
            /// let generate = client.generate_scene().prompt("a robotics lab");
            /// let job = generate.start_journaled(|request| async move {
            ///     tokio::fs::write("lab.json", serde_json::to_vec(&request)?).await
            /// });
            /// println!("{}", job.await?.id());
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            ///
            /// Those of `start`, and [`ErrorKind::Io`](crate::ErrorKind::Io) with the error of `journal` as its
            /// source.
            ///
            /// # Cancel safety
            ///
            /// That of `start`. The journal then has the request.
            pub async fn start_journaled<F, E>(
                self,
                journal: impl FnOnce(crate::PaidRequest) -> F + Send,
            ) -> Result<crate::JobHandle, crate::Error>
            where
                F: Future<Output = Result<(), E>> + Send,
                E: Into<Box<dyn std::error::Error + Send + Sync>>,
            {
                let build = || self.#build_request();
                let draft = crate::ext::http::options::Draft::new(&build, &self.#options);
                let started =
                    self.client.start_journaled_job(super::OPERATIONS, #operation, draft, journal);
                started.await
            }
        }
    })
}

/// `pages` and `items`, where the response is a page and the parameters have an offset and a limit.
fn list(client: &Type, builder: &Builder) -> Option<TokenStream> {
    let has = |name: &str| builder.fields.iter().any(|field| is(field, name));
    // Assumptions: list-offset, list-limit.
    if last(&builder.success)? != "Page" || !has("offset") || !has("limit") {
        return None;
    }
    let item = first_argument(&builder.success)?;
    let others: Vec<&Ident> = builder
        .fields
        .iter()
        .filter(|field| !is(field, "offset"))
        .filter_map(|field| field.ident.as_ref())
        .collect();
    let (name, options) = (&builder.name, &builder.options);
    Some(quote! {
        impl builder::#name<'_> {
            /// Returns the pages of the list from `offset` on. `limit` is the size of a page.
            ///
            /// # Errors
            ///
            /// The stream yields an error of `send`, and then ends.
            pub fn pages(self) -> crate::Pages<#item> {
                let client: #client = self.client.clone();
                let start = self.offset;
                #(let #others = self.#others;)*
                let call_options = self.#options;
                let first = start.clone().ok().flatten().unwrap_or_default();
                crate::ext::http::pages::pages(first, Box::new(move |offset| {
                    let client = client.clone();
                    let start = start.clone();
                    #(let #others = #others.clone();)*
                    let call_options = call_options.clone();
                    Box::pin(async move {
                        let offset = start.map(|start| (offset > 0).then_some(offset).or(start));
                        let page = builder::#name {
                            client: &client,
                            offset,
                            #(#others,)*
                            #options: call_options,
                        };
                        page.send().await.map(progenitor_client::ResponseValue::into_inner)
                    })
                }))
            }

            /// Returns the items of the list from `offset` on. Each page is requested when it is needed.
            ///
            /// # Errors
            ///
            /// The stream yields an error of `send`, and then ends.
            pub fn items(self) -> crate::Items<#item> {
                crate::ext::http::pages::items(self.pages())
            }
        }
    })
}

/// `download`, where the response is a file.
fn download(client: &Type, document: &Value, builder: &Builder) -> Option<TokenStream> {
    let operation = tables::operation(document, &builder.operation)?;
    // Assumption: export-zip.
    if tables::success(operation) != "File" {
        return None;
    }
    let fields = builder
        .fields
        .iter()
        .filter_map(|field| field.ident.as_ref());
    let parameters: Vec<&Ident> = fields.chain([&builder.options]).collect();
    let (name, operation) = (&builder.name, &builder.operation);
    Some(quote! {
        impl builder::#name<'_> {
            /// Requests the export, and returns when the service starts to send it.
            ///
            /// # Errors
            ///
            /// Those of `send`, and [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the response is not
            /// a ZIP archive.
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: an export costs nothing and changes nothing.
            pub async fn download(self) -> Result<crate::Download, crate::Error> {
                let client: #client = self.client.clone();
                #(let #parameters = self.#parameters;)*
                crate::ext::files::download::Download::export(client, #operation, move |client| {
                    #(let #parameters = #parameters.clone();)*
                    async move { builder::#name { client: &client, #(#parameters),* }.send().await }
                })
                .await
            }
        }
    })
}

fn is(field: &Field, name: &str) -> bool {
    field.ident.as_ref().is_some_and(|ident| ident == name)
}

/// The last segment of a path.
pub(crate) fn last(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

/// The `T` of `Option<T>` or `Vec<T>`.
pub(crate) fn inner<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    first_argument(ty).filter(|_| last(ty).is_some_and(|last| last == outer))
}
