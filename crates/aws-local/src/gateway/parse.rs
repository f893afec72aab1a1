//! What a signed request says of itself.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Uri};

use crate::call::Call;

/// The call that the request is. Signatures are not checked.
pub(crate) fn call(parts: Parts, body: Bytes) -> Call {
    let scope = scope_of(&parts.headers, &parts.uri);
    let service = scope.service;
    let uri = if service == "s3" {
        with_bucket_in_path(&parts.headers, parts.uri)
    } else {
        parts.uri
    };
    let action = action_of(&parts.headers, &uri, &body)
        .unwrap_or_else(|| format!("{} {}", parts.method, uri.path()));
    Call {
        caller: scope.caller,
        service,
        action,
        region: scope.region,
        method: parts.method,
        uri,
        headers: parts.headers,
        body,
    }
}

/// The signature's scope.
struct Scope {
    caller: String,
    region: String,
    service: String,
}

/// Read from the `Authorization` header, or from the query of a presigned address.
fn scope_of(headers: &HeaderMap, uri: &Uri) -> Scope {
    let header = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credential = header
        .and_then(|value| value.split("Credential=").nth(1))
        .and_then(|rest| rest.split([',', ' ']).next())
        .map(str::to_owned)
        .or_else(|| parameter(uri.query().unwrap_or_default(), "X-Amz-Credential"))
        .unwrap_or_default();
    let mut fields = credential.split('/');
    let caller = fields
        .next()
        .filter(|key| !key.is_empty())
        .unwrap_or("unknown")
        .to_owned();
    let region = fields.nth(1).unwrap_or_default().to_owned();
    let service = fields.next().unwrap_or_default().to_owned();
    Scope {
        caller,
        region,
        service,
    }
}

/// The operation, where the protocol names it: JSON's target header, query's form field, RPC's path.
fn action_of(headers: &HeaderMap, uri: &Uri, body: &Bytes) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(target) = text("x-amz-target") {
        return target.rsplit('.').next().map(str::to_owned);
    }
    if uri.path().starts_with("/service/") {
        return uri.path().split("/operation/").nth(1).map(str::to_owned);
    }
    if text("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    {
        return parameter(std::str::from_utf8(body).ok()?, "Action");
    }
    parameter(uri.query().unwrap_or_default(), "Action")
}

/// A field of a form or of a query.
pub(crate) fn parameter(form: &str, name: &str) -> Option<String> {
    let mut fields = form
        .split('&')
        .map(|field| field.split_once('=').unwrap_or((field, "")));
    fields
        .find(|(key, _)| *key == name)
        .map(|(_, value)| unescape(value))
}

fn unescape(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|digit| digit.unwrap_or(b'0'));
                let digits = std::str::from_utf8(&digits).unwrap_or("00");
                u8::from_str_radix(digits, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// S3 may be asked for `bucket.host/key`; its stand-in knows `host/bucket/key` alone.
fn with_bucket_in_path(headers: &HeaderMap, uri: Uri) -> Uri {
    let host = headers
        .get(http::header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let bucket = name
        .strip_suffix(".localhost")
        .or_else(|| name.strip_suffix(".127.0.0.1"));
    let Some(bucket) = bucket.filter(|bucket| !bucket.is_empty()) else {
        return uri;
    };
    let rest = uri.path_and_query().map_or("/", |rest| rest.as_str());
    format!("/{bucket}{rest}").parse().unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parsed(request: Request<&'static str>) -> Call {
        let (parts, body) = request.into_parts();
        call(parts, Bytes::from_static(body.as_bytes()))
    }

    const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKIALOCALAPI/20260101/eu-west-1/SERVICE/aws4_request, \
                             SignedHeaders=host;x-amz-date, Signature=00";

    fn signed(service: &str) -> http::request::Builder {
        Request::post("/").header("authorization", SIGNATURE.replace("SERVICE", service))
    }

    #[test]
    fn the_scope_of_the_signature_says_who_calls_what() {
        let call = parsed(
            signed("ecs")
                .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.RunTask")
                .body("{}")
                .unwrap(),
        );
        let said = (
            call.caller.as_str(),
            call.service.as_str(),
            call.region.as_str(),
            call.action.as_str(),
        );
        assert_eq!(said, ("AKIALOCALAPI", "ecs", "eu-west-1", "RunTask"));
    }

    #[test]
    fn each_protocol_names_its_operation_in_its_own_way() {
        let form = signed("sts").header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        assert_eq!(
            parsed(form.body("Version=1&Action=GetCallerIdentity").unwrap()).action,
            "GetCallerIdentity"
        );
        let rpc = signed("monitoring").uri("/service/Granite/operation/PutMetricData");
        assert_eq!(parsed(rpc.body("").unwrap()).action, "PutMetricData");
        let rest = signed("lambda").uri("/2015-03-31/functions/x/invocations?Qualifier=1");
        assert_eq!(
            parsed(rest.body("").unwrap()).action,
            "POST /2015-03-31/functions/x/invocations"
        );
    }

    #[test]
    fn a_presigned_address_and_no_signature_are_told_apart() {
        let presigned = Request::get(
            "/b/k?X-Amz-Credential=AKIALOCALADMIN%2F20260101%2Fus-east-1%2Fs3%2Faws4_request",
        );
        let call = parsed(presigned.body("").unwrap());
        assert_eq!(
            (call.caller.as_str(), call.service.as_str()),
            ("AKIALOCALADMIN", "s3")
        );
        let call = parsed(Request::get("/").body("").unwrap());
        assert_eq!(
            (call.caller.as_str(), call.service.as_str()),
            ("unknown", "")
        );
    }

    #[test]
    fn a_bucket_in_the_host_goes_into_the_path() {
        let call = parsed(
            signed("s3")
                .uri("/key?x=1")
                .header("host", "bucket.localhost:4566")
                .body("")
                .unwrap(),
        );
        assert_eq!(call.uri.to_string(), "/bucket/key?x=1");
        let call = parsed(
            signed("s3")
                .uri("/bucket/key")
                .header("host", "127.0.0.1:4566")
                .body("")
                .unwrap(),
        );
        assert_eq!(call.uri.to_string(), "/bucket/key");
    }
}
