//! Image classifiers over HTTP: a page for people, an API for programs.
//!
//! [`router`] makes an [`axum::Router`] of models, to be served by [`serve`] or as a part of another program's router.
//! `petal serve RUN` does the first.
//!
//! ```no_run
//! use petal::model::Model;
//! use petal_serve::{Served, Settings, router, serve};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::default();
//! let router = router(vec![Served::new("flowers", Model::load("model.petal")?)?], &settings)?;
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8000)).await?;
//! serve(listener, router, &settings, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | the page |
//! | `POST /predict?model=NAME&top=N` | the classes of the photos in the body: one as it is, several as a form (`multipart/form-data`), or in JSON, `{"photos": ["…base64…"]}` |
//! | `POST /explain?model=NAME&class=NAME` | a PNG picture that shows where the model looks in the photo (Grad-CAM) |
//! | `GET /models` | the models with their classes and image sizes |
//! | `GET /openapi.json` | the description of all this, OpenAPI 3 |
//! | `GET /healthz`, `GET /readyz` | whether the server lives, and whether it takes photos |
//! | `GET /metrics` | counters for Prometheus |
//!
//! What goes wrong is told as a problem (RFC 9457), `{"title": …, "status": …, "detail": …}`.
//!
//! Photos of requests that come together go through the model together. [`Settings`] has the limits: what is too much is
//! refused before it takes memory. No file of the machine is served, and nothing of a request is kept.

mod answer;
mod api;
mod authorization;
mod batcher;
mod connections;
mod explain;
mod metrics;
mod openapi;
mod page;
mod problem;
mod request_body;
mod served;
mod settings;

pub use api::router;
pub use connections::serve;
pub use served::Served;
pub use settings::Settings;
