//! What is refused about people, and how.

use crate::harness::World;

/// Nobody was created by what was refused.
async fn only_root_is_there(world: &World) {
    let users = world.get(&world.root, "/users").await;
    assert_eq!(users.json["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn bad_people_are_refused_with_what_they_may_be() {
    let world = World::new().await;
    let requests = [
        ("POST /users/create", ""),
        ("POST /users/create", r#"{"email":""}"#),
        ("POST /users/create", r#"{"email":"nobody"}"#),
        ("POST /users/create", r#"{"email":"a b@c.d"}"#),
        ("POST /users/create", r#"{"email":"a@b.c","role":"root"}"#),
        ("POST /users/create", r#"{"email":"a@b.c","role":"Admin"}"#),
        (
            "POST /users/create",
            r#"{"email":"a@b.c","api_key":"short"}"#,
        ),
        (
            "POST /users/create",
            r#"{"email":"a@b.c","api_key":"rvy_0000000000000000000000000000000000"}"#,
        ),
        (
            "POST /users/create",
            r#"{"email":"a@b.c","claim_ttl":604801}"#,
        ),
        ("POST /users/create", r#"{"email":"a@b.c","name":"A"}"#),
        ("POST /users/create", r#"{"email":"root@example.com"}"#),
    ];
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /users/create
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: missing field `email` at line 1 column 2"}
    POST /users/create {"email":""}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not ``"}
    POST /users/create {"email":"nobody"}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `nobody`"}
    POST /users/create {"email":"a b@c.d"}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `a b@c.d`"}
    POST /users/create {"email":"a@b.c","role":"root"}
      400 {"code":"INVALID_REQUEST","error":"role must be viewer, developer, operator or admin, not `root`"}
    POST /users/create {"email":"a@b.c","role":"Admin"}
      400 {"code":"INVALID_REQUEST","error":"role must be viewer, developer, operator or admin, not `Admin`"}
    POST /users/create {"email":"a@b.c","api_key":"short"}
      400 {"code":"INVALID_REQUEST","error":"API key must be 20 to 200 printable characters without spaces"}
    POST /users/create {"email":"a@b.c","api_key":"rvy_0000000000000000000000000000000000"}
      400 {"code":"INVALID_REQUEST","error":"API key is mistyped or cut off (its checksum does not match)"}
    POST /users/create {"email":"a@b.c","claim_ttl":604801}
      400 {"code":"INVALID_REQUEST","error":"a claim token works for at most 7 days"}
    POST /users/create {"email":"a@b.c","name":"A"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `name`, expected one of `email`, `role`, `api_key`, `claim_ttl`, `show_key` at line 1 column 23"}
    POST /users/create {"email":"root@example.com"}
      409 {"code":"CONFLICT","details":"change the role: runvoy users role root@example.com ROLE; give a new key: runvoy users rotate root@example.com","error":"root@example.com exists already, as admin"}
    "#);
    only_root_is_there(&world).await;
}

#[tokio::test]
async fn bad_changes_are_refused_with_what_they_may_be() {
    let world = World::new().await;
    let requests = [
        ("POST /users/revoke", r#"{"email":"nobody"}"#),
        ("POST /users/revoke", r#"{"email":"nobody@example.com"}"#),
        (
            "POST /users/role",
            r#"{"email":"nobody@example.com","role":"viewer"}"#,
        ),
        ("POST /users/role", r#"{"email":"root@example.com"}"#),
        (
            "POST /users/role",
            r#"{"email":"root@example.com","role":""}"#,
        ),
        ("POST /users/rotate", r#"{"email":"nobody@example.com"}"#),
        ("POST /users/rotate", r#"{"overlap":2592001}"#),
        ("POST /users/rotate", r#"{"overlap":-1}"#),
        ("POST /users/rotate", r#"{"api_key_sha256":"abc"}"#),
        ("POST /users/rotate", r#"{"key":"abc"}"#),
    ];
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /users/revoke {"email":"nobody"}
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `nobody`"}
    POST /users/revoke {"email":"nobody@example.com"}
      404 {"code":"NOT_FOUND","details":"see: runvoy users list","error":"no active user nobody@example.com"}
    POST /users/role {"email":"nobody@example.com","role":"viewer"}
      404 {"code":"NOT_FOUND","details":"see: runvoy users list","error":"no active user nobody@example.com"}
    POST /users/role {"email":"root@example.com"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: missing field `role` at line 1 column 28"}
    POST /users/role {"email":"root@example.com","role":""}
      400 {"code":"INVALID_REQUEST","error":"role must be viewer, developer, operator or admin, not ``"}
    POST /users/rotate {"email":"nobody@example.com"}
      404 {"code":"NOT_FOUND","details":"see: runvoy users list","error":"no active user nobody@example.com"}
    POST /users/rotate {"overlap":2592001}
      400 {"code":"INVALID_REQUEST","error":"overlap is at most 30 days"}
    POST /users/rotate {"overlap":-1}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid value: integer `-1`, expected u64 at line 1 column 13"}
    POST /users/rotate {"api_key_sha256":"abc"}
      400 {"code":"INVALID_REQUEST","error":"API key hash must be the standard base64 of a SHA-256"}
    POST /users/rotate {"key":"abc"}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: unknown field `key`, expected one of `email`, `api_key_sha256`, `overlap` at line 1 column 6"}
    "#);
    only_root_is_there(&world).await;
}
