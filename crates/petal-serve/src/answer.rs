//! The classes of photos, and what models there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::IntoResponse;
use petal::training::RankedClasses;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{App, query};
use crate::batcher::Classified;
use crate::problem::Problem;
use crate::request_body;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    model: Option<String>,
    top: Option<usize>,
}

/// What is said of the photos, in their order.
#[derive(Serialize)]
struct Answers<'a> {
    model: &'a str,
    photos: Vec<Answer<'a>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    photo: &'a str,
    #[serde(flatten)]
    result: PhotoResult<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PhotoResult<'a> {
    Classes(RankedClasses<'a>),
    Broken { problem: Value },
}

/// `POST /predict`. A single photo that is none is the request's problem; among several it is told in its place.
pub async fn predict(State(app): State<Arc<App>>, request: Request) -> Result<impl IntoResponse, Problem> {
    let question: Question = query(request.uri())?;
    if question.top == Some(0) {
        return Err(Problem::bad_request("top is 0; expected at least 1"));
    }
    let model = app.find(question.model.as_deref())?;
    let body = request_body::read(&app, request).await?;
    let places = Arc::new(app.places(body.photos.len())?);
    let several = body.photos.len() > 1;
    let mut names = Vec::with_capacity(body.photos.len());
    let mut tasks = Vec::with_capacity(body.photos.len());
    for photo in body.photos {
        names.push(photo.name.clone());
        // A task goes on when the request is given up, and so keeps its places until then.
        let (app, places) = (Arc::clone(&app), Arc::clone(&places));
        tasks.push(tokio::spawn(async move {
            let pixels = app.pixels(model, photo).await?;
            let classified = app.models[model].batcher.classify(pixels).await;
            drop(places);
            classified
        }));
    }
    let served = &app.models[model].served;
    let class_names = served.model().class_names();
    let mut answers = Answers { model: served.name(), photos: Vec::with_capacity(tasks.len()) };
    for (photo, task) in names.iter().zip(tasks) {
        let classified = task.await.map_err(|error| Problem::internal(error.to_string()))?;
        let result = match classified {
            Ok(Classified { probabilities, familiarity }) => {
                let ranked =
                    RankedClasses::new(class_names, probabilities).unknown_if(served.is_unknown(familiarity));
                PhotoResult::Classes(ranked.top(question.top.unwrap_or(class_names.len())))
            }
            Err(problem) if several => PhotoResult::Broken { problem: problem.json() },
            Err(problem) => return Err(problem),
        };
        answers.photos.push(Answer { photo, result });
    }
    let text = serde_json::to_string(&answers).expect("text and numbers");
    Ok(([(header::CONTENT_TYPE, "application/json")], text))
}

/// `GET /models`.
pub async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let models: Vec<Value> = app
        .models
        .iter()
        .map(|running| {
            let [height, width, channels] = running.served.preprocessing().shape();
            json!({
                "name": running.served.name(),
                "classes": running.served.model().class_names(),
                "image_size": [height, width],
                "channels": channels,
            })
        })
        .collect();
    Json(json!({ "models": models }))
}
