//! Where a model looks in a photo.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use ndarray::Array3;
use petal::explain::GradCam;
use petal::plot::heat_map;
use serde::Deserialize;

use crate::api::{App, query};
use crate::problem::Problem;
use crate::request_body;
use crate::served::Served;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    model: Option<String>,
    class: Option<String>,
}

/// `POST /explain`: a PNG picture of the photo and its heat map.
pub async fn explain(State(app): State<Arc<App>>, request: Request) -> Result<impl IntoResponse, Problem> {
    let question: Question = query(request.uri())?;
    let model = app.find(question.model.as_deref())?;
    let settings = match question.class {
        Some(class) => GradCam::new().class(find_class(&app.models[model].served, &class)?),
        None => GradCam::new(),
    };
    let mut body = request_body::read(&app, request).await?;
    let places = app.places(1)?;
    if body.photos.len() > 1 {
        let photos = body.photos.len();
        return Err(Problem::bad_request(format!("the request has {photos} photos; expected one")));
    }
    let photo = body.photos.remove(0);
    let pixels = app.pixels(model, photo).await?;
    let _one_at_a_time = app.explainers.acquire().await.map_err(|_| Problem::internal("it is ending"))?;
    let task_app = Arc::clone(&app);
    let drawn = tokio::task::spawn_blocking(move || {
        let _places = places;
        let served = &task_app.models[model].served;
        draw(served, pixels, &settings)
    });
    let png = drawn.await.map_err(|error| Problem::internal(error.to_string()))??;
    Ok(([(header::CONTENT_TYPE, "image/png")], png))
}

fn find_class(served: &Served, name: &str) -> Result<usize, Problem> {
    let classes = served.model().class_names();
    classes.iter().position(|class| class == name).ok_or_else(|| {
        let detail = format!("'{}' knows no class '{name}'; /models lists its classes", served.name());
        Problem::new(StatusCode::NOT_FOUND, detail)
    })
}

fn draw(served: &Served, pixels: Vec<f32>, settings: &GradCam) -> Result<Vec<u8>, Problem> {
    let internal = |error: petal::Error| Problem::internal(error.to_string());
    let pixels = Array3::from_shape_vec(served.preprocessing().shape(), pixels)
        .map_err(|error| Problem::internal(error.to_string()))?;
    let map = served.model().grad_cam(pixels.view(), settings).map_err(internal)?;
    heat_map(pixels.view(), &map).and_then(|figure| figure.png()).map_err(internal)
}
