//! The API: which request asks the store for what, and how that is answered. Whatever comes in is answered; what is
//! wrong with it as `application/problem+json`.
//!
//! | request | answers |
//! |---|---|
//! | `GET /todos?limit=20&cursor=…` | a page: `{"items": […], "next": "…"}`, in no particular order |
//! | `POST /todos` | 201, `Location`, `ETag`; with an `Idempotency-Key` the same to-do however often it is sent |
//! | `GET /todos/{id}` | 200 with `ETag`, 304 where `If-None-Match` has it |
//! | `PUT /todos/{id}` | 200: all that a caller may say is replaced; with `If-Match` only that version, else 412 |
//! | `DELETE /todos/{id}` | 204; with `If-Match` as above |
//!
//! A change that meets another version is a 412 and no 409: the caller stated what it wanted to change, and HTTP has a
//! header and a status for just that. Without `If-Match` the last one who writes wins, but nothing comes into being.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use lambda_http::http::header::{ALLOW, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use lambda_http::http::{HeaderName, HeaderValue, Method, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use rust_shared::http::{Json, Problem};
use serde_json::json;

use crate::cursor::{Claim, Cursor, Keys};
use crate::etag::{Tags, etag};
use crate::store::{Changed, Created, Fault, Only, Store};
use crate::todo::{Id, Todo, Wanted};

/// To-dos on a page at most, and where nothing is said.
pub const LIMIT: u8 = 100;
const USUAL_LIMIT: u8 = 20;
/// Bytes: the longest title and notes, with every character escaped as `\ud83e\udd5b`, and some room.
const LONGEST_BODY: usize = 64 * 1024;
const ON_LIST: &str = "GET, HEAD, POST, OPTIONS";
const ON_TODO: &str = "GET, HEAD, PUT, DELETE, OPTIONS";

/// Boxed, since an answer is large and most are none of these.
type Refusal = Box<Response<Body>>;
type Answer = Result<Response<Body>, Refusal>;

/// Answers one request.
pub async fn answer<S: Store, K: Keys>(store: &S, keys: &K, request: Request) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    let mut response = routed(store, keys, &request).await.unwrap_or_else(|refusal| *refusal);
    if head {
        *response.body_mut() = Body::Empty;
    }
    response
}

async fn routed<S: Store, K: Keys>(store: &S, keys: &K, request: &Request) -> Answer {
    let path = request.raw_http_path().strip_prefix("/todos");
    match path.map(|rest| rest.strip_prefix('/').ok_or(rest)) {
        Some(Err("")) => match *request.method() {
            Method::GET | Method::HEAD => list(store, keys, request).await,
            Method::POST => create(store, request).await,
            Method::OPTIONS => Ok(with(empty(StatusCode::NO_CONTENT), ALLOW, ON_LIST)),
            _ => Err(not_allowed(ON_LIST)),
        },
        Some(Ok(id)) => {
            // What is no id is the id of nothing, so the store need not be asked.
            let id = plain(id).parse().map_err(|()| unknown());
            match *request.method() {
                Method::GET | Method::HEAD => get(store, id?, request).await,
                Method::PUT => replace(store, id?, request).await,
                Method::DELETE => delete(store, id?, request).await,
                Method::OPTIONS => Ok(with(empty(StatusCode::NO_CONTENT), ALLOW, ON_TODO)),
                _ => Err(not_allowed(ON_TODO)),
            }
        }
        _ => Err(refused(StatusCode::NOT_FOUND, "there is nothing at this path")),
    }
}

async fn list<S: Store, K: Keys>(store: &S, keys: &K, request: &Request) -> Answer {
    let query = request.query_string_parameters();
    let limit = query.first("limit").map(|text| match text.parse() {
        Ok(limit @ 1..=LIMIT) => Ok(limit),
        _ => Err(bad(format!("limit must be a whole number from 1 to {LIMIT}"))),
    });
    let limit = limit.transpose()?.unwrap_or(USUAL_LIMIT);
    let after = match query.first("cursor") {
        Some(text) => Some(place(keys, text).await?),
        None => None,
    };
    let page = store.page(limit, after).await.map_err(failed)?;
    let next = match page.next {
        Some(cursor) => Some(cursor.signed(&keys.key().await.map_err(failed)?)),
        None => None,
    };
    Ok(Json(json!({"items": page.todos, "next": next})).with(StatusCode::OK).map(Body::from))
}

/// Where a cursor points that one of these instances signed.
async fn place<K: Keys>(keys: &K, text: &str) -> Result<Cursor, Refusal> {
    let none = || bad("cursor is not one that a page of this list ended with");
    let claim: Claim = text.parse().map_err(|()| none())?;
    let key = keys.key().await.map_err(failed)?;
    if let Some(cursor) = claim.verified(&key) {
        return Ok(cursor);
    }
    let newer = keys.newer(&key).await.map_err(failed)?;
    claim.verified(&newer).ok_or_else(none)
}

async fn create<S: Store>(store: &S, request: &Request) -> Answer {
    let key = idempotency_key(request)?;
    let wanted = body(request)?;
    let fingerprint = key.map(|_| wanted.fingerprint());
    let id = match key {
        Some(key) => Id::of_key(key),
        None => Id::random().map_err(|error| {
            tracing::error!(%error, "no random numbers");
            failed(Fault::Broken)
        })?,
    };
    let todo = Todo::new(id, wanted, &now());
    match store.create(&todo, fingerprint.as_deref()).await.map_err(failed)? {
        Created::New => Ok(created(&todo)),
        Created::Before(before, print) if key.is_some() && print == fingerprint => Ok(created(&before)),
        Created::Before(..) if key.is_some() => {
            let detail = "this Idempotency-Key was used for another to-do";
            Err(refused(StatusCode::UNPROCESSABLE_ENTITY, detail))
        }
        Created::Before(..) => Err(failed(Fault::Broken)), // the same 128 random bits twice
    }
}

async fn get<S: Store>(store: &S, id: Id, request: &Request) -> Answer {
    let cached = tags(request, &IF_NONE_MATCH)?;
    let todo = store.get(id).await.map_err(failed)?.ok_or_else(unknown)?;
    if cached.is_some_and(|tags| tags.has(todo.version)) {
        return Ok(with(empty(StatusCode::NOT_MODIFIED), ETAG, &etag(todo.version)));
    }
    Ok(shown(StatusCode::OK, &todo))
}

async fn replace<S: Store>(store: &S, id: Id, request: &Request) -> Answer {
    let only = only(request)?;
    let wanted = body(request)?;
    let todo = made(store.replace(id, wanted, &only, &now()).await)?;
    Ok(shown(StatusCode::OK, &todo))
}

async fn delete<S: Store>(store: &S, id: Id, request: &Request) -> Answer {
    let only = only(request)?;
    made(store.delete(id, &only).await)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn made<T>(changed: Result<Changed<T>, Fault>) -> Result<T, Refusal> {
    match changed.map_err(failed)? {
        Changed::Made(made) => Ok(made),
        Changed::Missing => Err(unknown()),
        Changed::Stale(version) => {
            let detail = format!("the to-do has version {version} by now, which If-Match does not name");
            Err(refused_with(StatusCode::PRECONDITION_FAILED, detail, ETAG, &etag(version)))
        }
    }
}

// what a request says

fn body(request: &Request) -> Result<Wanted, Refusal> {
    let Json(wanted) = Json::from_parts(request.headers(), request.body().as_ref(), LONGEST_BODY)
        .map_err(|problem| Box::new(problem.into()))?;
    Ok(wanted)
}

fn only(request: &Request) -> Result<Only, Refusal> {
    Ok(match tags(request, &IF_MATCH)? {
        None | Some(Tags::Any) => Only::Any,
        Some(Tags::Versions { strong, .. }) => Only::Versions(strong),
    })
}

fn tags(request: &Request, name: &HeaderName) -> Result<Option<Tags>, Refusal> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    let tags = value.to_str().map_err(|_| "is no text").and_then(Tags::read);
    tags.map(Some).map_err(|what| bad(format!("{name} {what}")))
}

fn idempotency_key(request: &Request) -> Result<Option<&str>, Refusal> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.trim().len()) => Ok(Some(key.trim())),
        _ => Err(bad("Idempotency-Key must be 1 to 255 visible ASCII characters")),
    }
}

/// The part of a path without percent-encoding; what cannot be decoded is the name of nothing.
fn plain(part: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(part.len()), part);
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(code) = code else { return String::new() };
        bytes.push(code);
        rest = &after[2..];
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).unwrap_or_default()
}

/// RFC 3339 with milliseconds.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = DateTime::from_millis(i64::try_from(since.as_millis()).unwrap_or_default());
    now.fmt(DateTimeFormat::DateTimeWithOffset).unwrap_or_default()
}

// what is answered

fn created(todo: &Todo) -> Response<Body> {
    with(shown(StatusCode::CREATED, todo), LOCATION, &format!("/todos/{}", todo.id))
}

fn shown(status: StatusCode, todo: &Todo) -> Response<Body> {
    with(Json(todo).with(status).map(Body::from), ETAG, &etag(todo.version))
}

fn refused(status: StatusCode, detail: impl Into<String>) -> Refusal {
    Box::new(Problem::new(status, detail).into())
}

fn refused_with(status: StatusCode, detail: impl Into<String>, name: HeaderName, value: &str) -> Refusal {
    Box::new(with(Problem::new(status, detail).into(), name, value))
}

fn bad(detail: impl Into<String>) -> Refusal {
    refused(StatusCode::BAD_REQUEST, detail)
}

fn unknown() -> Refusal {
    refused(StatusCode::NOT_FOUND, "there is no such to-do")
}

fn not_allowed(methods: &'static str) -> Refusal {
    refused_with(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method", ALLOW, methods)
}

/// A caller learns that it may come back, not what is wrong. All of these count as failures of this version.
fn failed(fault: Fault) -> Refusal {
    match fault {
        Fault::Busy | Fault::Down => {
            let detail = "the to-dos cannot be reached at the moment";
            refused_with(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER, "1")
        }
        Fault::Broken => refused(StatusCode::INTERNAL_SERVER_ERROR, ""),
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// With one more header; every value here is plain ASCII.
fn with(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests;
