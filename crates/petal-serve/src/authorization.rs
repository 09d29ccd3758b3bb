//! Who may ask.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::App;
use crate::problem::Problem;

/// What anybody may have: the page, which asks for the token itself, and whether the server lives.
const OPEN: [&str; 6] = ["/", "/page.css", "/page.js", "/server.js", "/healthz", "/readyz"];

/// Lets through what brings the token, if there is one.
pub async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Some(token) = &app.settings.token
        && !OPEN.contains(&request.uri().path())
    {
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if !given.is_some_and(|(_, given)| is_same(given.trim(), token)) {
            let detail = "the server asks for its token: Authorization: Bearer TOKEN";
            return Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
        }
    }
    next.run(request).await
}

/// In a time that doesn't tell where they differ.
fn is_same(given: &str, token: &str) -> bool {
    let differences = given.bytes().zip(token.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == token.len() && std::hint::black_box(differences) == 0
}
