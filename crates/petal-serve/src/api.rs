use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Query, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use petal::Result;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::batcher::Batcher;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::request_body::Photo;
use crate::served::{self, Served};
use crate::settings::Settings;
use crate::{answer, authorization, explain, openapi, page};

/// The routes of a server for these models; the first is the one that is asked where a request names none.
///
/// # Errors
/// If there are no models, two have one name, or one can't predict.
pub fn router(models: Vec<Served>, settings: &Settings) -> Result<Router> {
    served::check(&models)?;
    let metrics = Metrics::new();
    let openapi = openapi::document(&models);
    let start = |served: Served| {
        let batcher = Batcher::start(&served, settings, metrics.clone())?;
        Ok(Running { served, batcher })
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let app = Arc::new(App {
        models: models.into_iter().map(start).collect::<Result<_>>()?,
        places: Arc::new(Semaphore::new(settings.queue)),
        bodies: Arc::new(Semaphore::new(kilobytes(settings.bodies) as usize)),
        decoders: Semaphore::new(cores),
        explainers: Semaphore::new(1),
        settings: settings.clone(),
        metrics,
        openapi,
    });
    Ok(Router::new()
        .route("/", get(page::index))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/server.js", get(page::server_script))
        .route("/predict", post(answer::predict))
        .route("/explain", post(explain::explain))
        .route("/models", get(answer::models))
        .route("/openapi.json", get(openapi_json))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(settings.body))
        .layer(from_fn_with_state(Arc::clone(&app), authorization::check))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app))
}

/// What the handlers share.
pub struct App {
    pub models: Vec<Running>,
    /// One for each photo that is read or waits for a model.
    places: Arc<Semaphore>,
    /// One for each kilobyte of a body.
    bodies: Arc<Semaphore>,
    /// One for each photo that is decoded.
    decoders: Semaphore,
    /// One for each photo that is explained.
    pub explainers: Semaphore,
    pub settings: Settings,
    pub metrics: Metrics,
    openapi: String,
}

/// A model and its thread.
pub struct Running {
    pub served: Served,
    pub batcher: Batcher,
}

impl App {
    /// The model's number, by its name; the first without one.
    pub fn find(&self, name: Option<&str>) -> Result<usize, Problem> {
        let Some(name) = name else { return Ok(0) };
        self.models.iter().position(|running| running.served.name() == name).ok_or_else(|| {
            let names: Vec<&str> = self.models.iter().map(|running| running.served.name()).collect();
            let detail = format!("there is no model '{name}'; there are {}", names.join(", "));
            Problem::new(StatusCode::NOT_FOUND, detail)
        })
    }

    /// Room for a body of so many bytes, or for the largest where that isn't known.
    pub fn room(&self, length: Option<usize>) -> Result<OwnedSemaphorePermit, Problem> {
        let most = self.settings.body;
        let length = length.unwrap_or(most);
        if length > most {
            return Err(too_large(most));
        }
        Arc::clone(&self.bodies)
            .try_acquire_many_owned(kilobytes(length))
            .map_err(|_| Problem::busy("the server holds as many photos as it may; ask again in a moment"))
    }

    /// Places in the queue for so many photos.
    pub fn places(&self, photos: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let most = self.settings.queue;
        if photos > most {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the request has {photos} photos; expected at most {most}, the length of the queue"),
            ));
        }
        Arc::clone(&self.places).try_acquire_many_owned(photos as u32).map_err(|_| {
            Problem::busy(format!("{most} photos are waiting for a model already; ask again in a moment"))
        })
    }

    /// A photo's pixels as the model takes them.
    pub async fn pixels(self: &Arc<Self>, model: usize, photo: Photo) -> Result<Vec<f32>, Problem> {
        let _one_at_a_time = self.decoders.acquire().await.map_err(|_| Problem::internal("it is ending"))?;
        let app = Arc::clone(self);
        let decoded = tokio::task::spawn_blocking(move || {
            photo.check_size(app.settings.pixels)?;
            let preprocessing = app.models[model].served.preprocessing();
            preprocessing.load_bytes(&photo.bytes).map_err(|error| Problem::unprocessable(error.to_string()))
        });
        let pixels = decoded.await.map_err(|error| Problem::internal(error.to_string()))?;
        self.metrics.photo(pixels.is_ok());
        pixels
    }
}

/// Rounded up, and at least one.
fn kilobytes(bytes: usize) -> u32 {
    u32::try_from(bytes / 1000 + 1).unwrap_or(u32::MAX)
}

pub fn too_large(most: usize) -> Problem {
    let detail = format!("the body has more than {most} bytes; send smaller photos, or fewer at a time");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// What stands behind the `?`.
pub fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    Query::try_from_uri(uri)
        .map(|Query(query)| query)
        .map_err(|error| Problem::bad_request(format!("the query is wrong: {}", error.body_text())))
}

/// Ends what takes too long, counts, and writes a line of the log.
async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    // The route's, so that strangers' paths make no counters.
    let path = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let limit = app.settings.request_time;
    let response = tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("the request took more than {} seconds", limit.as_secs_f64());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into_response()
    });
    let (time, status) = (begin.elapsed(), response.status().as_u16());
    log::info!("{method} {path} {status} {:.1} ms", 1000.0 * time.as_secs_f64());
    app.metrics.request(path, status, time, method == Method::POST);
    response
}

async fn openapi_json(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi.clone())
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    match app.places.available_permits() {
        0 => Err(Problem::busy("the queue is full")),
        _ => Ok("ready\n"),
    }
}

async fn metrics_text(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.metrics.queue.set((app.settings.queue - app.places.available_permits()) as i64);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], app.metrics.text())
}

async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing here; /openapi.json says what there is")
}

async fn other_method() -> Problem {
    let detail = "this path takes another method; /openapi.json says which";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
