//! The photos in a request's body.

use std::io::Cursor;

use axum::RequestExt;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageReader;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use crate::api::{App, too_large};
use crate::problem::Problem;

/// A photo as it came: a file's bytes.
pub struct Photo {
    /// The file's name, or the photo's number in the request.
    pub name: String,
    pub bytes: Bytes,
}

/// The photos of a request, and the room that they take.
pub struct RequestBody {
    pub photos: Vec<Photo>,
    _room: OwnedSemaphorePermit,
}

/// A body of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    photos: Vec<String>,
}

impl Photo {
    fn new(number: usize, name: Option<&str>, bytes: Bytes) -> Self {
        let name =
            name.filter(|name| !name.is_empty()).map_or_else(|| format!("photo {number}"), str::to_owned);
        Photo { name, bytes }
    }

    /// Refuses what has too many pixels before it is decoded, by what the file says of its size.
    pub fn check_size(&self, most: u64) -> Result<(), Problem> {
        let reader = ImageReader::new(Cursor::new(&self.bytes)).with_guessed_format();
        // What cannot be read here is told by the decoder, in better words.
        let Some((width, height)) = reader.ok().and_then(|reader| reader.into_dimensions().ok()) else {
            return Ok(());
        };
        match u64::from(width) * u64::from(height) > most {
            true => Err(Problem::unprocessable(format!(
                "photo: it has {width}x{height} pixels; expected at most {most}; make it smaller"
            ))),
            false => Ok(()),
        }
    }
}

/// Reads the body, which is one photo, a form with some, or JSON.
pub async fn read(app: &App, request: Request) -> Result<RequestBody, Problem> {
    let room = app.room(content_length(request.headers())?)?;
    let most = app.settings.photos;
    let photos = match content_type(request.headers()).as_str() {
        "multipart/form-data" => from_form(app, request).await?,
        "application/json" => from_json(&whole(app, request.into_body()).await?, most)?,
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" => one(app, request).await?,
        image if image.starts_with("image/") => one(app, request).await?,
        other => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "the body is {other}; expected a photo (image/…), multipart/form-data with photos, or \
                     application/json, {{\"photos\": [\"…base64…\"]}}"
                ),
            ));
        }
    };
    if photos.is_empty() {
        return Err(Problem::bad_request("the request has no photo"));
    }
    Ok(RequestBody { photos, _room: room })
}

fn content_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| Problem::bad_request("Content-Length is no number"))
}

/// Without its parameters, in lower case.
fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn whole(app: &App, body: Body) -> Result<Bytes, Problem> {
    let most = app.settings.body;
    to_bytes(body, most).await.map_err(|error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            if error.to_string().contains("length limit") {
                return too_large(most);
            }
            cause = error.source();
        }
        Problem::bad_request(format!("the body did not come whole: {error}"))
    })
}

async fn one(app: &App, request: Request) -> Result<Vec<Photo>, Problem> {
    let bytes = whole(app, request.into_body()).await?;
    match bytes.is_empty() {
        true => Err(Problem::bad_request("the body is empty; send a photo's bytes")),
        false => Ok(vec![Photo::new(1, None, bytes)]),
    }
}

async fn from_form(app: &App, request: Request) -> Result<Vec<Photo>, Problem> {
    let wrong = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(app.settings.body),
        status => Problem::new(status, format!("the form is broken: {}", error.body_text())),
    };
    let mut form = Multipart::from_request(request.with_limited_body(), &()).await.map_err(|error| {
        Problem::new(error.status(), format!("the form is broken: {}", error.body_text()))
    })?;
    let mut photos = Vec::new();
    while let Some(field) = form.next_field().await.map_err(wrong)? {
        if photos.len() == app.settings.photos {
            return Err(too_many(app.settings.photos));
        }
        let Some(file) = field.file_name().map(str::to_owned) else {
            let name = field.name().unwrap_or("").to_owned();
            return Err(Problem::bad_request(format!(
                "the form's field '{name}' is no file; expected photos as files, and model and top in the address"
            )));
        };
        let bytes = field.bytes().await.map_err(wrong)?;
        photos.push(Photo::new(photos.len() + 1, Some(&file), bytes));
    }
    Ok(photos)
}

fn from_json(bytes: &[u8], most: usize) -> Result<Vec<Photo>, Problem> {
    let document: Document = serde_json::from_slice(bytes).map_err(|error| {
        Problem::bad_request(format!("the JSON is wrong: {error}; expected {{\"photos\": [\"…base64…\"]}}"))
    })?;
    if document.photos.len() > most {
        return Err(too_many(most));
    }
    let photo = |(i, text): (usize, &String)| {
        // What a browser makes of a file begins with `data:image/jpeg;base64,`.
        let text = text.split_once("base64,").map_or(text.as_str(), |(_, data)| data);
        let bytes = STANDARD.decode(text.trim()).map_err(|error| {
            Problem::bad_request(format!("photo {} of the JSON is no base64: {error}", i + 1))
        })?;
        Ok(Photo::new(i + 1, None, bytes.into()))
    };
    document.photos.iter().enumerate().map(photo).collect()
}

fn too_many(most: usize) -> Problem {
    let detail = format!("the request has more than {most} photos; send them in several requests");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
