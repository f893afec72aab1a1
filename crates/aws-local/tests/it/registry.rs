//! The image registry, over the distribution API and ECR's own.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use runvoy_aws_local::Call;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cloudformation::{Stage, client};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct Ecr {
    stage: Stage,
    client: reqwest::Client,
    token: String,
}

impl Ecr {
    async fn new() -> Self {
        let stage = Stage::bare().await;
        let mut ecr = Self {
            stage,
            client: client(),
            token: String::new(),
        };
        let (_, token) = ecr.call("GetAuthorizationToken", &json!({})).await;
        let data = &token["authorizationData"][0];
        assert_eq!(
            data["proxyEndpoint"],
            json!(format!("http://{}", ecr.stage.control.registry().address()))
        );
        ecr.token = data["authorizationToken"].as_str().unwrap().to_owned();
        let created = json!({ "repositoryName": "p-agent", "imageTagMutability": "IMMUTABLE" });
        assert_eq!(ecr.call("CreateRepository", &created).await.0, 200);
        ecr
    }

    async fn call(&self, action: &str, body: &Value) -> (u16, Value) {
        let call = Call {
            caller: "AKIALOCALADMIN".to_owned(),
            service: "ecr".to_owned(),
            action: action.to_owned(),
            region: "us-east-1".to_owned(),
            method: Method::POST,
            uri: "/".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        };
        let reply = self.stage.control.handle(call).await;
        (
            reply.status().as_u16(),
            serde_json::from_slice(reply.body()).unwrap(),
        )
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = self.stage.control.registry().address();
        let request = self
            .client
            .request(method, format!("http://{address}{path}"));
        request.header("authorization", format!("Basic {}", self.token))
    }

    async fn push_blob(&self, bytes: &'static [u8]) -> String {
        let begun = self
            .request(Method::POST, "/v2/p-agent/blobs/uploads/")
            .send()
            .await
            .unwrap();
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let upload = header(&begun, "location");
        let sent = self
            .request(Method::PATCH, &upload)
            .body(bytes)
            .send()
            .await
            .unwrap();
        let upload = header(&sent, "location");
        let digest = digest(bytes);
        let ended = self
            .request(Method::PUT, &format!("{upload}?digest={digest}"))
            .send()
            .await
            .unwrap();
        assert_eq!(ended.status(), StatusCode::CREATED);
        digest
    }

    async fn push(&self, reference: &str, kind: &str, manifest: &Value) -> Response {
        let request = self.request(Method::PUT, &format!("/v2/p-agent/manifests/{reference}"));
        request
            .header("content-type", kind)
            .body(manifest.to_string())
            .send()
            .await
            .unwrap()
    }
}

fn header(response: &Response, name: &str) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold("sha256:".to_owned(), |out, byte| format!("{out}{byte:02x}"))
}

#[tokio::test]
async fn an_index_is_pushed_and_pulled_by_tag_and_digest() {
    let ecr = Ecr::new().await;
    let (config, layer) = (ecr.push_blob(b"{}").await, ecr.push_blob(b"layer").await);
    let image = json!({ "schemaVersion": 2, "config": { "digest": config }, "layers": [{ "digest": layer }] });
    let image_digest = digest(image.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [{ "digest": image_digest }] });
    let early = ecr.push("v1", INDEX, &index).await;
    assert_eq!(
        early.status(),
        StatusCode::BAD_REQUEST,
        "its parts are not there yet"
    );
    assert_eq!(
        ecr.push(&image_digest, MANIFEST, &image).await.status(),
        StatusCode::CREATED
    );
    let pushed = ecr.push("v1", INDEX, &index).await;
    let index_digest = header(&pushed, "docker-content-digest");

    for reference in ["v1", &index_digest] {
        let path = format!("/v2/p-agent/manifests/{reference}");
        let head = ecr.request(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(
            (head.status(), header(&head, "content-type").as_str()),
            (StatusCode::OK, INDEX)
        );
        let pulled = ecr.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(pulled.bytes().await.unwrap(), index.to_string());
    }
    let blob = ecr
        .request(Method::GET, &format!("/v2/p-agent/blobs/{layer}"))
        .send()
        .await
        .unwrap();
    assert_eq!(blob.bytes().await.unwrap(), "layer");

    let wanted = json!({ "repositoryName": "p-agent", "imageIds": [{ "imageTag": "v1" }] });
    let (_, images) = ecr.call("DescribeImages", &wanted).await;
    assert_eq!(
        images["imageDetails"][0]["imageDigest"],
        json!(index_digest)
    );
    let (_, images) = ecr.call("BatchGetImage", &wanted).await;
    assert_eq!(
        images["images"][0]["imageManifest"],
        json!(index.to_string())
    );
}

#[tokio::test]
async fn a_tag_that_is_immutable_stays_where_it_is() {
    let ecr = Ecr::new().await;
    let layer = ecr.push_blob(b"layer").await;
    let image = json!({ "layers": [{ "digest": layer }] });
    let other = json!({ "layers": [{ "digest": layer }], "other": true });
    assert_eq!(
        ecr.push("v1", MANIFEST, &image).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        ecr.push("v1", MANIFEST, &image).await.status(),
        StatusCode::CREATED,
        "the same again"
    );
    assert_eq!(
        ecr.push("v1", MANIFEST, &other).await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn strangers_and_unknown_repositories_are_turned_away() {
    let mut ecr = Ecr::new().await;
    let unknown = ecr
        .request(Method::HEAD, "/v2/other/manifests/v1")
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    ecr.token = "bm9ib2R5".to_owned();
    let stranger = ecr.request(Method::GET, "/v2/").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_repository_with_images_is_deleted_by_force_or_when_it_is_empty() {
    let ecr = Ecr::new().await;
    let layer = ecr.push_blob(b"layer").await;
    ecr.push("v1", MANIFEST, &json!({ "layers": [{ "digest": layer }] }))
        .await;
    let (status, refused) = ecr
        .call("DeleteRepository", &json!({ "repositoryName": "p-agent" }))
        .await;
    assert_eq!(
        (status, &refused["__type"]),
        (400, &json!("RepositoryNotEmptyException"))
    );
    let (_, listed) = ecr
        .call("ListImages", &json!({ "repositoryName": "p-agent" }))
        .await;
    let all = json!({ "repositoryName": "p-agent", "imageIds": listed["imageIds"] });
    let (_, gone) = ecr.call("BatchDeleteImage", &all).await;
    assert_eq!(gone["failures"], json!([]));
    assert_eq!(
        ecr.call("DeleteRepository", &json!({ "repositoryName": "p-agent" }))
            .await
            .0,
        200
    );
}
