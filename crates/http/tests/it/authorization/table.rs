//! The table of who may do what.

/// Whose the thing is that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The caller's own.
    Own,
    /// Another person's.
    Others,
    /// Nobody's in particular.
    Nobodys,
}

use Whose::{Nobodys, Others, Own};

/// A route, and its status for each kind of caller.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) whose: Whose,
    pub(crate) statuses: [u16; 7],
}

const fn row(method: &'static str, path: &'static str, whose: Whose, statuses: [u16; 7]) -> Row {
    Row {
        method,
        path,
        whose,
        statuses,
    }
}

#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    //                                                        viewer  developer  operator  admin  anonymous  revoked  expired
    row("GET",    "/api/v1/health",                 Nobodys, [200,    200,       200,      200,   200,       200,     200]),
    row("GET",    "/api/v1/openapi.json",           Nobodys, [200,    200,       200,      200,   200,       200,     200]),
    row("POST",   "/api/v1/claim/{token}",          Nobodys, [200,    200,       200,      200,   200,       200,     200]),
    row("GET",    "/api/v1/claim/{token}",          Nobodys, [200,    200,       200,      200,   200,       200,     200]),
    row("POST",   "/api/v1/run",                    Nobodys, [403,    202,       202,      202,   401,       401,     401]),
    row("GET",    "/api/v1/executions",             Nobodys, [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/executions/{id}",        Own,     [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/executions/{id}",        Others,  [200,    404,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/executions/{id}/status", Own,     [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/executions/{id}/status", Others,  [200,    404,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/executions/{id}/logs",   Own,     [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/executions/{id}/logs",   Others,  [200,    404,       200,      200,   401,       401,     401]),
    row("DELETE", "/api/v1/executions/{id}",        Own,     [403,    200,       200,      200,   401,       401,     401]),
    row("DELETE", "/api/v1/executions/{id}",        Others,  [403,    404,       200,      200,   401,       401,     401]),
    row("POST",   "/api/v1/executions/{id}/kill",   Own,     [403,    200,       200,      200,   401,       401,     401]),
    row("POST",   "/api/v1/executions/{id}/kill",   Others,  [403,    404,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/locks",                  Nobodys, [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/locks/{name}",           Own,     [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/locks/{name}",           Others,  [200,    200,       200,      200,   401,       401,     401]),
    row("DELETE", "/api/v1/locks/{name}",           Own,     [403,    200,       200,      200,   401,       401,     401]),
    row("DELETE", "/api/v1/locks/{name}",           Others,  [403,    403,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/users",                  Nobodys, [403,    403,       200,      200,   401,       401,     401]),
    row("POST",   "/api/v1/users/create",           Nobodys, [403,    403,       403,      201,   401,       401,     401]),
    row("POST",   "/api/v1/users/revoke",           Nobodys, [403,    403,       403,      200,   401,       401,     401]),
    row("POST",   "/api/v1/users/role",             Nobodys, [403,    403,       403,      200,   401,       401,     401]),
    row("POST",   "/api/v1/users/rotate",           Own,     [200,    200,       200,      200,   401,       401,     401]),
    row("POST",   "/api/v1/users/rotate",           Others,  [403,    403,       403,      200,   401,       401,     401]),
    row("GET",    "/api/v1/whoami",                 Nobodys, [200,    200,       200,      200,   401,       401,     401]),
    row("GET",    "/api/v1/audit",                  Nobodys, [403,    403,       200,      200,   401,       401,     401]),
    // No person's key opens what is for agents alone.
    row("POST",   "/agent/v1/{attempt}/start",      Nobodys, [401,    401,       401,      401,   401,       401,     401]),
    row("POST",   "/agent/v1/{attempt}/logs",       Nobodys, [401,    401,       401,      401,   401,       401,     401]),
    row("POST",   "/agent/v1/{attempt}/heartbeat",  Nobodys, [401,    401,       401,      401,   401,       401,     401]),
    row("POST",   "/agent/v1/{attempt}/finish",     Nobodys, [401,    401,       401,      401,   401,       401,     401]),
];
