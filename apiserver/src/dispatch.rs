//! From a request about a resource to its handler.

use std::fmt;
use std::sync::Arc;

use api::{Storage as Kept, Verb};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use crate::answer::Answer;
use crate::answers::{Answers, Question};
use crate::authorization::{Attributes, Rbac};
use crate::body_budget::BodyBudget;
use crate::handlers::scale::{self, ScaleChange, Scaled};
use crate::handlers::{self, Patch, Replacement};
use crate::in_process::Keeper;
use crate::negotiation::PatchMedia;
use crate::options::{DeleteOptions, FieldValidation, ListOptions, PatchOptions, WriteOptions};
use crate::record::Record;
use crate::request_body::RequestBody;
use crate::request_info::ResourceInfo;
use crate::respond::{Form, failure, not_found, respond};
use crate::scope::Scope;
use crate::storage::Storage;
use crate::warnings::warn;
use crate::writer::{Guard, Writer};
use crate::{Body, Objects, Registry, RequestInfo, Status, User, admission};

/// A request about a resource that its user may make.
pub(crate) struct Call<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) registry: Arc<Registry>,
    pub(crate) answers: &'a Answers,
    pub(crate) user: &'a User,
    pub(crate) rbac: &'a Rbac,
    pub(crate) objects: &'a dyn Objects,
    pub(crate) info: &'a RequestInfo,
    pub(crate) resource: &'a ResourceInfo,
    pub(crate) head: &'a Parts,
    pub(crate) bodies: &'a BodyBudget,
    pub(crate) record: &'a mut Record,
}

/// Has the request handled and its answer put in form.
pub(crate) async fn dispatch<B>(mut call: Call<'_>, body: B) -> Result<Response<Body>, Status>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: fmt::Display,
{
    let ResourceInfo { group, .. } = call.resource;
    if !group.is_empty() && call.registry.versions(group).is_empty() {
        return Ok(not_found());
    }
    if call.head.method == Method::HEAD {
        return Err(Status::method_not_allowed());
    }
    let scope = Scope::new(call.registry.clone(), call.resource)?;
    let keeps = call.head.extensions.get::<Keeper>().is_some();
    check_verb(&scope, call.info.verb, keeps)?;
    let mut warnings: Vec<String> = Vec::new();
    warnings.extend(scope.resource.deprecation.as_deref().map(ToOwned::to_owned));
    let form = Form::of(call.head, call.info.verb == "watch")?;
    let body = match call.info.verb {
        // Whatever comes with a question is left unread.
        "get" | "list" | "watch" => RequestBody::none(call.head),
        _ => RequestBody::read(call.head, body, call.bodies, &call.user.name).await?,
    };
    let answer = call.handle(&scope, body, &mut warnings).await;
    let response = answer.and_then(|answer| respond(&scope, form, answer));
    if warnings.is_empty() {
        return response;
    }
    // Whoever is refused is warned too.
    let mut response = response.unwrap_or_else(|status| failure(&status));
    warn(&mut response, &warnings);
    Ok(response)
}

impl Call<'_> {
    async fn handle(
        &mut self,
        scope: &Scope,
        body: RequestBody<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Status> {
        let query = self.head.uri.query().unwrap_or_default();
        match self.info.verb {
            "get" => {
                let answer = handlers::get(self.storage, scope, query).await?;
                match scale::paths(scope) {
                    Some(paths) => scale::shown(scope, paths, answer),
                    None => Ok(answer),
                }
            }
            "list" => {
                let options = ListOptions::parse(query, scope, false)?;
                handlers::list(self.storage, scope, &options).await
            }
            "watch" => {
                // The old paths say by themselves that it is a watch.
                if !matches!(self.head.method, Method::GET | Method::HEAD) {
                    return Err(Status::method_not_allowed());
                }
                let mut options = ListOptions::parse(query, scope, true)?;
                if !scope.name.is_empty() {
                    options.fields = options.fields.of_object(&scope.name)?;
                }
                handlers::watch(self.storage, scope, options).await
            }
            "create" => self.create(scope, query, body, warnings).await,
            "patch" => self.patch(scope, query, body, warnings).await,
            "update" => self.update(scope, query, body, warnings).await,
            "delete" => {
                admission::check_delete(scope)?;
                let options = delete_options(scope, query, &body)?;
                let writer = Writer::new(scope, self.user, "");
                handlers::delete(self.storage, &writer, &options).await
            }
            "deletecollection" => {
                let list = ListOptions::parse(query, scope, false)?;
                let options = delete_options(scope, query, &body)?;
                let writer = Writer::new(scope, self.user, "");
                handlers::delete_collection(self.storage, &writer, &options, &list).await
            }
            _ => Err(Status::method_not_allowed()),
        }
    }

    /// What is checked of an object before it is kept: nobody may give away
    /// what he does not have.
    fn guard(&self) -> Guard<'_> {
        Guard {
            rbac: self.rbac,
            objects: self.objects,
            attributes: Attributes::new(self.user, self.info),
        }
    }

    async fn create(
        &mut self,
        scope: &Scope,
        query: &str,
        body: RequestBody<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Status> {
        let options = WriteOptions::parse(query, self.user_agent(), "CreateOptions")?;
        let object = body.object(scope, options.validation, warnings)?;
        let name = crate::object::meta_str(&object, "name").to_owned();
        self.record.makes(&name);
        let answered = scope.resource.storage == Kept::Answered || !scope.subresource.is_empty();
        if answered {
            return self.ask(scope, said(scope, object), warnings).await;
        }
        admission::check_namespace(self.storage, scope, &name).await?;
        let writer = Writer::new(scope, self.user, &options.manager).guarded(self.guard());
        handlers::create(self.storage, &writer, &options, object).await
    }

    async fn ask(
        &self,
        scope: &Scope,
        object: Value,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Status> {
        let answer = self
            .answers
            .get(&scope.group_resource(), &scope.subresource);
        let answer = answer.ok_or_else(Status::method_not_allowed)?;
        let question = Question {
            user: self.user,
            namespace: &scope.namespace,
            name: &scope.name,
            object,
        };
        let answered = answer.answer(question).await?;
        warnings.extend(answered.warnings);
        Ok(Answer::Value(StatusCode::CREATED, answered.object))
    }

    async fn update(
        &self,
        scope: &Scope,
        query: &str,
        body: RequestBody<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Status> {
        let options = WriteOptions::parse(query, self.user_agent(), "UpdateOptions")?;
        let object = body.object(scope, options.validation, warnings)?;
        let writer = Writer::new(scope, self.user, &options.manager).guarded(self.guard());
        if let Some(paths) = scale::paths(scope) {
            let change = Scaled::Replacement(object);
            return rescale(
                self.storage,
                &writer,
                &options,
                ScaleChange { paths, change },
            )
            .await;
        }
        let creates = scope.resource.behaviour.created_by_update && scope.subresource.is_empty();
        let mut change = Replacement { object, creates };
        handlers::update(self.storage, &writer, &options, &mut change).await
    }

    async fn patch(
        &self,
        scope: &Scope,
        query: &str,
        body: RequestBody<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Status> {
        let media = PatchMedia::of(&self.head.headers, !scope.resource.custom)?;
        let apply = media == PatchMedia::Apply;
        let options = PatchOptions::parse(query, self.user_agent(), apply)?;
        let (patch, mut faults) = body.patch(apply, options.write.validation, warnings)?;
        if apply {
            let name = crate::object::meta_str(&patch, "name").to_owned();
            admission::check_namespace(self.storage, scope, &name).await?;
        }
        let manager = &options.write.manager;
        let writer = Writer::new(scope, self.user, manager).guarded(self.guard());
        if let Some(paths) = scale::paths(scope) {
            let change = ScaleChange {
                paths,
                change: Scaled::Patch(media, patch),
            };
            return rescale(self.storage, &writer, &options.write, change).await;
        }
        if media == PatchMedia::Json {
            faults.extend(unknown_in_operations(&patch));
        }
        let mut change = Patch {
            writer: &writer,
            media,
            patch,
            faults,
            force: options.force,
            validation: options.write.validation,
            dropped: Vec::new(),
        };
        let answer = handlers::update(self.storage, &writer, &options.write, &mut change).await?;
        if change.validation == FieldValidation::Warn {
            warnings.extend(change.dropped);
        }
        Ok(answer)
    }

    fn user_agent(&self) -> &str {
        let value = self.head.headers.get(http::header::USER_AGENT);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// What operations of a JSON patch have that none knows, in words.
fn unknown_in_operations(patch: &Value) -> Vec<String> {
    let operations = patch.as_array().into_iter().flatten().enumerate();
    let fields = operations.flat_map(|(at, operation)| {
        let fields = operation
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys);
        fields.map(move |field| (at, field))
    });
    let unknown =
        fields.filter(|(_, field)| !matches!(field.as_str(), "from" | "op" | "path" | "value"));
    unknown
        .map(|(at, field)| format!("json patch unknown field \"[{at}].{field}\""))
        .collect()
}

/// An object that says of what kind it is.
fn said(scope: &Scope, mut object: Value) -> Value {
    let subresource = scope.resource.subresource(&scope.subresource);
    let own = subresource.and_then(|of| of.kind.clone());
    let kind = own.unwrap_or_else(|| scope.resource.group_version_kind());
    if let Some(fields) = object.as_object_mut() {
        fields.insert("kind".into(), (&*kind.kind).into());
        fields.insert("apiVersion".into(), kind.api_version().into());
    }
    object
}

/// The options of a delete are in its body or, without one, in its query.
fn delete_options(
    scope: &Scope,
    query: &str,
    body: &RequestBody<'_>,
) -> Result<DeleteOptions, Status> {
    if body.is_empty() {
        DeleteOptions::from_query(query)
    } else {
        DeleteOptions::from_body(body.delete_options(scope)?)
    }
}

async fn rescale(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &WriteOptions,
    mut change: ScaleChange<'_>,
) -> Result<Answer, Status> {
    let answer = handlers::update(storage, writer, options, &mut change).await?;
    scale::shown(writer.scope, change.paths, answer)
}

/// Whether the resource, or its subresource, does what is asked for. For who keeps
/// the objects, a resource does everything.
fn check_verb(scope: &Scope, verb: &str, keeps: bool) -> Result<(), Status> {
    let named = !scope.name.is_empty();
    let whole = scope.namespaced() && scope.namespace.is_empty();
    if named && scope.resource.storage == Kept::Answered {
        return Err(Status::no_such_path());
    }
    match verb {
        "create" if scope.subresource.is_empty() && (named || whole) => {
            return Err(Status::method_not_allowed());
        }
        "update" | "patch" if !named => return Err(Status::method_not_allowed()),
        "deletecollection" if whole => return Err(Status::method_not_allowed()),
        _ => {}
    }
    let wanted = match verb {
        "create" => Verb::Create,
        "delete" => Verb::Delete,
        "deletecollection" => Verb::DeleteCollection,
        "get" => Verb::Get,
        "list" => Verb::List,
        "patch" => Verb::Patch,
        "update" => Verb::Update,
        "watch" => Verb::Watch,
        _ => return Err(Status::method_not_allowed()),
    };
    let verbs = if scope.subresource.is_empty() {
        if keeps {
            return Ok(());
        }
        &scope.resource.verbs
    } else {
        let subresource = scope.resource.subresource(&scope.subresource);
        &subresource.ok_or_else(Status::no_such_path)?.verbs
    };
    if verbs.contains(&wanted) {
        Ok(())
    } else if scope.resource.custom && !scope.subresource.is_empty() {
        Err(Status::method_not_supported(&scope.group_resource(), verb))
    } else {
        Err(Status::method_not_allowed())
    }
}
