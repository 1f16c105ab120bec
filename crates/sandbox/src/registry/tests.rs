use std::path::Path;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::*;

struct Calls {
    http: Client,
    url: Url,
}

impl Calls {
    async fn new(file: Option<&Path>) -> (Self, CancellationToken) {
        let token = CancellationToken::new();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let registry = Registry::start(listen, token.clone(), file.map(Path::to_owned)).await.unwrap();
        (Self { http: Client::builder().no_proxy().build().unwrap(), url: registry.url }, token)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, self.url.join(path).unwrap());
        let response = if body.is_null() { request } else { request.json(&body) }.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn register(&self, subject: &str, schema: &str) -> (u16, Value) {
        self.call(Method::POST, &format!("subjects/{subject}/versions"), json!({ "schema": schema })).await
    }
}

const FIRST: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
const FIRST_LAID_OUT: &str =
    r#"{ "name": "R", "type": "record", "fields": [ {"type": "string", "name": "a"} ] }"#;
const WITH_DEFAULT: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"int","default":0}]}"#;
const WITHOUT_DEFAULT: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"c","type":"int"}]}"#;

#[tokio::test]
async fn the_same_schema_has_the_same_id_in_any_subject_and_layout() {
    let (calls, _token) = Calls::new(None).await;
    assert_eq!(calls.register("one-value", FIRST).await, (200, json!({ "id": 1 })));
    assert_eq!(calls.register("one-value", FIRST_LAID_OUT).await, (200, json!({ "id": 1 })));
    assert_eq!(calls.register("two-value", FIRST).await, (200, json!({ "id": 1 })));
    assert_eq!(calls.get("subjects").await.1, json!(["one-value", "two-value"]));
    assert_eq!(calls.get("subjects/one-value/versions").await.1, json!([1]));
    assert_eq!(calls.get("schemas/ids/1").await.1, json!({ "schema": FIRST }));
    let found = calls.call(Method::POST, "subjects/two-value", json!({ "schema": FIRST })).await;
    assert_eq!(found.1, json!({ "subject": "two-value", "version": 1, "id": 1, "schema": FIRST }));
}

#[tokio::test]
async fn a_version_that_breaks_readers_is_refused_until_the_level_allows_it() {
    let (calls, _token) = Calls::new(None).await;
    calls.register("s", FIRST).await;
    let (status, body) = calls.register("s", WITHOUT_DEFAULT).await;
    assert_eq!((status, &body["error_code"]), (409, &json!(409)));
    let path = "compatibility/subjects/s/versions/latest";
    let ask = |schema: &str| calls.call(Method::POST, path, json!({ "schema": schema }));
    assert_eq!(ask(WITHOUT_DEFAULT).await.1["is_compatible"], false);
    assert_eq!(ask(WITH_DEFAULT).await.1["is_compatible"], true);
    assert_eq!(calls.register("s", WITH_DEFAULT).await, (200, json!({ "id": 2 })));
    assert_eq!(calls.get("subjects/s/versions/latest").await.1["version"], 2);
    let none = calls.call(Method::PUT, "config/s", json!({ "compatibility": "NONE" })).await;
    assert_eq!(none, (200, json!({ "compatibility": "NONE" })));
    assert_eq!(calls.register("s", WITHOUT_DEFAULT).await.0, 200);
    assert_eq!(calls.get("config").await.1, json!({ "compatibilityLevel": "BACKWARD" }));
    assert_eq!(calls.get("config/s").await.1, json!({ "compatibilityLevel": "NONE" }));
}

#[tokio::test]
async fn what_is_not_there_or_not_right_has_its_number() {
    let (calls, _token) = Calls::new(None).await;
    calls.register("s", FIRST).await;
    let code = |answer: (u16, Value)| (answer.0, answer.1["error_code"].clone());
    assert_eq!(code(calls.get("subjects/x/versions").await), (404, json!(40401)));
    assert_eq!(code(calls.get("subjects/s/versions/9").await), (404, json!(40402)));
    assert_eq!(code(calls.get("subjects/s/versions/first").await), (422, json!(42202)));
    assert_eq!(code(calls.get("schemas/ids/9").await), (404, json!(40403)));
    assert_eq!(code(calls.get("config/s").await), (404, json!(40408)));
    assert_eq!(code(calls.register("s", "{").await), (422, json!(42201)));
    let unknown = calls.call(Method::POST, "subjects/s", json!({ "schema": WITH_DEFAULT })).await;
    assert_eq!(code(unknown), (404, json!(40403)));
    let level = calls.call(Method::PUT, "config", json!({ "compatibility": "SOME" })).await;
    assert_eq!(code(level), (422, json!(42203)));
}

#[tokio::test]
async fn a_file_keeps_ids_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.json");
    let (calls, token) = Calls::new(Some(&file)).await;
    calls.register("s", FIRST).await;
    calls.register("s", WITH_DEFAULT).await;
    token.cancel();
    let (calls, _token) = Calls::new(Some(&file)).await;
    assert_eq!(calls.register("t", WITH_DEFAULT).await, (200, json!({ "id": 2 })));
}
