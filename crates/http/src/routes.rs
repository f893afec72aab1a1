//! A router that knows its own routes, so that nothing can be served that is not listed.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};

/// A method and an address, with placeholders in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The address.
    pub path: String,
}

/// Routes below one prefix, and the router that is made of them and of nothing else.
pub(crate) struct Routes<S> {
    prefix: &'static str,
    list: Vec<Route>,
    router: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(crate) fn below(prefix: &'static str) -> Self {
        Self {
            prefix,
            list: Vec::new(),
            router: Router::new(),
        }
    }

    pub(crate) fn get<T: 'static>(self, path: &str, handler: impl Handler<T, S>) -> Self {
        self.on(Method::GET, path, routing::get(handler))
    }

    pub(crate) fn post<T: 'static>(self, path: &str, handler: impl Handler<T, S>) -> Self {
        self.on(Method::POST, path, routing::post(handler))
    }

    pub(crate) fn delete<T: 'static>(self, path: &str, handler: impl Handler<T, S>) -> Self {
        self.on(Method::DELETE, path, routing::delete(handler))
    }

    fn on(mut self, method: Method, path: &str, handler: MethodRouter<S>) -> Self {
        let path = format!("{}{path}", self.prefix);
        self.router = self.router.route(&path, handler);
        self.list.push(Route { method, path });
        self
    }

    pub(crate) fn list(self) -> Vec<Route> {
        self.list
    }

    pub(crate) fn router(self) -> Router<S> {
        self.router
    }
}
