//! The protocol's resources.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::schemas::{Found, Level, Schemas};

type App = State<Arc<Schemas>>;
type Answer = Result<Json<Value>, Problem>;

pub(super) fn router(schemas: Arc<Schemas>) -> Router {
    Router::new()
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(find))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version))
        .route("/schemas/ids/{id}", get(by_id))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(is_compatible))
        .route("/config", get(level).put(set_level))
        .route("/config/{subject}", get(subject_level).put(set_subject_level))
        .layer(map_response(as_registry))
        .with_state(schemas)
}

async fn as_registry(mut response: Response) -> Response {
    let json = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Value>,
}

impl Given {
    fn avro(&self) -> Result<&str, Problem> {
        if self.schema_type.as_deref().is_some_and(|kind| kind != "AVRO") {
            return Err(Problem::InvalidSchema("only Avro is served".to_owned()));
        }
        if !self.references.is_empty() {
            return Err(Problem::InvalidSchema("references are not served; write the schema out".to_owned()));
        }
        Ok(&self.schema)
    }
}

async fn subjects(State(schemas): App) -> Json<Vec<String>> {
    Json(schemas.subjects())
}

async fn find(
    State(schemas): App,
    Path(subject): Path<String>,
    Json(given): Json<Given>,
) -> Result<Json<Found>, Problem> {
    schemas.find(&subject, given.avro()?).map(Json)
}

async fn register(State(schemas): App, Path(subject): Path<String>, Json(given): Json<Given>) -> Answer {
    let id = schemas.register(&subject, given.avro()?)?;
    Ok(Json(json!({ "id": id })))
}

async fn versions(State(schemas): App, Path(subject): Path<String>) -> Result<Json<Vec<u32>>, Problem> {
    schemas.versions(&subject).map(Json)
}

async fn version(
    State(schemas): App,
    Path((subject, version)): Path<(String, String)>,
) -> Result<Json<Found>, Problem> {
    schemas.version(&subject, version.parse()?).map(Json)
}

async fn by_id(State(schemas): App, Path(id): Path<u32>) -> Answer {
    let schema = schemas.by_id(id).ok_or(Problem::SchemaNotFound)?;
    Ok(Json(json!({ "schema": schema })))
}

async fn is_compatible(
    State(schemas): App,
    Path((subject, version)): Path<(String, String)>,
    Json(given): Json<Given>,
) -> Answer {
    let objection = schemas.objection(&subject, version.parse()?, given.avro()?)?;
    let messages: Vec<String> = objection.into_iter().collect();
    Ok(Json(json!({ "is_compatible": messages.is_empty(), "messages": messages })))
}

#[derive(Deserialize)]
struct Wanted {
    compatibility: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fallback {
    #[serde(default)]
    default_to_global: bool,
}

async fn level(State(schemas): App) -> Answer {
    let level = schemas.level(None).ok_or(Problem::NoLevel)?;
    Ok(Json(json!({ "compatibilityLevel": level })))
}

async fn subject_level(
    State(schemas): App,
    Path(subject): Path<String>,
    Query(fallback): Query<Fallback>,
) -> Answer {
    let own = schemas.level(Some(&subject));
    let global = || fallback.default_to_global.then(|| schemas.level(None)).flatten();
    let level = own.or_else(global).ok_or(Problem::NoLevel)?;
    Ok(Json(json!({ "compatibilityLevel": level })))
}

async fn set_level(State(schemas): App, Json(wanted): Json<Wanted>) -> Answer {
    put_level(&schemas, None, wanted)
}

async fn set_subject_level(
    State(schemas): App,
    Path(subject): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Answer {
    put_level(&schemas, Some(&subject), wanted)
}

fn put_level(schemas: &Schemas, subject: Option<&str>, wanted: Wanted) -> Answer {
    let level: Level = serde_json::from_value(wanted.compatibility).map_err(|_| Problem::InvalidLevel)?;
    schemas.set_level(subject, level)?;
    Ok(Json(json!({ "compatibility": level })))
}
