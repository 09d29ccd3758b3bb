//! The server as its clients see it: real connections, hostile ones too.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use petal::data::Preprocessing;
use petal::layers::*;
use petal::model::Model;
use petal_serve::{Served, Settings, router, serve};
use serde_json::Value;
use tokio::sync::oneshot;

/// A model that takes reddish photos for `red`, and others for `blue`.
fn model() -> Model {
    let x = Input::image(8, 8, 3);
    let h = Conv2D::new(2, 1).on(&x).unwrap();
    let h = GlobalAveragePooling2D::new().on(&h).unwrap();
    let mut model = Model::new(&x, &Softmax::new().on(&h).unwrap()).unwrap();
    let kernel = ndarray::array![[1.0_f32, 0.0], [0.0, 0.0], [0.0, 1.0]] / 255.0;
    model
        .set_weight("conv2d/kernel", kernel.into_shape_with_order((1, 1, 3, 2)).unwrap().into_dyn().view())
        .unwrap();
    model.set_class_names(["red", "blue"]).unwrap();
    model.set_preprocessing(Preprocessing::new(8, 8)).unwrap();
    model
}

fn photo(colour: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = RgbImage::from_pixel(20, 30, Rgb(colour));
    DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

const RED: [u8; 3] = [250, 10, 10];
const BLUE: [u8; 3] = [10, 10, 250];

/// Runs `test` beside a server, and ends the server then.
fn with_server(settings: &Settings, test: impl FnOnce(SocketAddr)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let models = vec![Served::new("colours", model()).unwrap(), Served::new("other", model()).unwrap()];
    let router = router(models, settings).unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let server = runtime.spawn({
        let settings = settings.clone();
        async move { serve(listener, router, &settings, ignore(ended)).await }
    });
    test(address);
    let _ = end.send(());
    runtime.block_on(server).unwrap();
}

async fn ignore(ended: impl Future) {
    ended.await;
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    /// The words of a problem.
    fn detail(&self) -> String {
        assert!(self.head.contains("application/problem+json"), "{}", self.head);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

fn send(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("{head}\r\nHost: here\r\nConnection: close\r\n").as_bytes()).unwrap();
    // A server that refuses need not read the body.
    let _ = stream.write_all(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    let _ = stream.write_all(body);
    read(stream)
}

fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: bytes[end + 4..].to_vec() }
}

fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, &format!("GET {path} HTTP/1.1"), b"")
}

fn post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Answer {
    send(address, &format!("POST {path} HTTP/1.1\r\nContent-Type: {content_type}"), body)
}

fn form(photos: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in photos {
        let head =
            format!("--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    body
}

#[test]
fn a_photo_is_classified_however_it_comes() {
    with_server(&Settings::default(), |address| {
        let red = photo(RED, ImageFormat::Jpeg);
        let answer = post(address, "/predict", "image/jpeg", &red);
        assert_eq!(answer.status, 200);
        let one = answer.json();
        assert_eq!((&one["model"], &one["photos"][0]["class"]), (&"colours".into(), &"red".into()));
        let expected = model()
            .predict_probabilities(
                ndarray::ArrayView::from_shape(
                    [1, 8, 8, 3],
                    &Preprocessing::new(8, 8).load_bytes(&red).unwrap(),
                )
                .unwrap()
                .into_dyn(),
            )
            .unwrap();
        let probability = one["photos"][0]["probabilities"]["red"].as_f64().unwrap();
        assert!((probability - f64::from(expected[[0, 0]])).abs() < 1e-6);

        let photos = [
            ("a.jpg", red.clone()),
            ("broken.jpg", red[..300].to_vec()),
            ("c.png", photo(BLUE, ImageFormat::Png)),
        ];
        let several =
            post(address, "/predict?model=other&top=1", "multipart/form-data; boundary=x", &form(&photos));
        let several = several.json();
        assert_eq!(several["model"], "other");
        let [first, broken, last] = &several["photos"].as_array().unwrap()[..] else { panic!("{several}") };
        assert_eq!((&first["photo"], &first["class"]), (&"a.jpg".into(), &"red".into()));
        assert!(broken["problem"]["detail"].as_str().unwrap().contains("JPEG"), "{broken}");
        assert_eq!((&last["class"], last["probabilities"].as_object().unwrap().len()), (&"blue".into(), 1));

        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(&red);
        let json =
            serde_json::json!({ "photos": [text, format!("data:image/jpeg;base64,{text}")] }).to_string();
        let answer = post(address, "/predict", "application/json", json.as_bytes()).json();
        assert_eq!(answer["photos"][1]["probabilities"], one["photos"][0]["probabilities"]);
    });
}

#[test]
fn what_cannot_be_answered_is_a_problem_that_says_why() {
    let settings = Settings { body: 100_000, photos: 2, pixels: 1000, ..Settings::default() };
    with_server(&settings, |address| {
        let small = photo(RED, ImageFormat::Png);
        let mut large = std::io::Cursor::new(Vec::new());
        DynamicImage::new_rgb8(40, 40).write_to(&mut large, ImageFormat::Png).unwrap();
        for (path, content_type, body, status, word) in [
            ("/predict", "image/jpeg", b"".to_vec(), 400, "empty"),
            ("/predict", "image/jpeg", b"no photo at all".to_vec(), 422, "no known picture format"),
            ("/predict", "image/png", large.into_inner(), 422, "40x40 pixels"),
            ("/predict", "text/plain", small.clone(), 415, "text/plain"),
            ("/predict?model=nowhere", "image/png", small.clone(), 404, "there are colours, other"),
            ("/predict?tops=1", "image/png", small.clone(), 400, "tops"),
            ("/predict?top=0", "image/png", small.clone(), 400, "top is 0"),
            ("/predict", "application/json", b"{".to_vec(), 400, "JSON"),
            ("/predict", "application/json", b"{\"photos\": [\"%\"]}".to_vec(), 400, "base64"),
            ("/predict", "application/json", b"{\"photos\": []}".to_vec(), 400, "no photo"),
            ("/predict", "multipart/form-data", small.clone(), 400, "form"),
            ("/predict", "multipart/form-data; boundary=x", b"--x\r\n".to_vec(), 400, "form"),
            (
                "/predict",
                "multipart/form-data; boundary=x",
                form(&vec![("a", small.clone()); 3]),
                413,
                "2 photos",
            ),
            ("/predict", "image/jpeg", vec![0; 100_001], 413, "100000 bytes"),
            ("/explain?class=green", "image/png", small.clone(), 404, "green"),
            (
                "/explain",
                "multipart/form-data; boundary=x",
                form(&vec![("a", small.clone()); 2]),
                400,
                "2 photos",
            ),
        ] {
            let answer = post(address, path, content_type, &body);
            let detail = answer.detail();
            assert_eq!(answer.status, status, "{path} {content_type}: {detail}");
            assert!(detail.contains(word), "{path} {content_type}: {detail}");
        }
        assert_eq!(get(address, "/nowhere").status, 404);
        assert_eq!(get(address, "/../../etc/passwd").status, 404);
        assert_eq!(get(address, "/predict").status, 405);
        // What is longer than it says it is.
        let mut stream = TcpStream::connect(address).unwrap();
        let head =
            "POST /predict HTTP/1.1\r\nHost: here\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..12 {
            let _ = stream.write_all(b"2710\r\n");
            let _ = stream.write_all(&[7; 10_000]);
            let _ = stream.write_all(b"\r\n");
        }
        assert_eq!(read(stream).status, 413);
        // After all that the server is as well as before.
        assert_eq!(post(address, "/predict", "image/png", &small).json()["photos"][0]["class"], "red");
    });
}

#[test]
fn a_full_queue_is_said_and_empties_again() {
    let settings = Settings { queue: 2, ..Settings::default() };
    with_server(&settings, |address| {
        let red = photo(RED, ImageFormat::Png);
        let crowd = form(&vec![("a", red.clone()); 3]);
        let answer = post(address, "/predict", "multipart/form-data; boundary=x", &crowd);
        assert_eq!(answer.status, 413);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let ask = || post(address, "/predict", "image/png", &red);
            let threads: Vec<_> = (0..40).map(|_| scope.spawn(ask)).collect();
            let answers = threads.into_iter().map(|thread| thread.join().unwrap());
            answers
                .map(|answer| {
                    assert_eq!(
                        answer.status == 503,
                        answer.head.contains("retry-after: 1"),
                        "{}",
                        answer.head
                    );
                    answer.status
                })
                .collect()
        });
        assert!(
            statuses.contains(&200) && statuses.iter().all(|status| [200, 503].contains(status)),
            "{statuses:?}"
        );
        assert_eq!(post(address, "/predict", "image/png", &red).status, 200);
    });
}

#[test]
fn photos_of_many_requests_go_through_the_model_together() {
    let settings = Settings { batch_delay: Duration::from_millis(300), ..Settings::default() };
    with_server(&settings, |address| {
        let (red, blue) = (photo(RED, ImageFormat::Png), photo(BLUE, ImageFormat::Png));
        std::thread::scope(|scope| {
            for i in 0..8 {
                let (body, class) = if i % 2 == 0 { (&red, "red") } else { (&blue, "blue") };
                scope.spawn(move || {
                    assert_eq!(
                        post(address, "/predict", "image/png", body).json()["photos"][0]["class"],
                        class
                    );
                });
            }
        });
        let metrics = String::from_utf8(get(address, "/metrics").body).unwrap();
        assert!(metrics.contains("petal_photos_total 8"), "{metrics}");
        assert!(metrics.contains("petal_requests_total{path=\"/predict\",status=\"200\"} 8"), "{metrics}");
        let batches = metrics.lines().find_map(|line| line.strip_prefix("petal_batch_photos_count "));
        assert!(batches.unwrap().parse::<u32>().unwrap() < 8, "{metrics}");
    });
}

#[test]
fn where_it_looks_is_a_picture() {
    with_server(&Settings::default(), |address| {
        let answer = post(address, "/explain?class=blue", "image/png", &photo(RED, ImageFormat::Png));
        assert_eq!(answer.status, 200);
        assert!(image::load_from_memory(&answer.body).unwrap().width() > 100);
    });
}

#[test]
fn a_token_keeps_strangers_out_of_all_but_the_page() {
    let settings = Settings { token: Some("secret".into()), ..Settings::default() };
    with_server(&settings, |address| {
        for path in ["/models", "/metrics", "/openapi.json", "/nowhere"] {
            let answer = get(address, path);
            assert!(answer.status == 401 && answer.head.contains("www-authenticate: bearer"), "{path}");
        }
        for wrong in ["Bearer secre", "Bearer secret2", "Basic secret", "secret"] {
            assert_eq!(
                send(address, &format!("GET /models HTTP/1.1\r\nAuthorization: {wrong}"), b"").status,
                401
            );
        }
        let answer = send(address, "GET /models HTTP/1.1\r\nAuthorization: bearer secret", b"").json();
        assert_eq!(answer["models"][0]["classes"][1], "blue");
        assert_eq!(answer["models"][0]["image_size"], serde_json::json!([8, 8]));
        for path in ["/", "/page.js", "/page.css", "/healthz", "/readyz"] {
            assert_eq!(get(address, path).status, 200, "{path}");
        }
    });
}

#[test]
fn slow_clients_are_sent_away_and_hold_nobody_up() {
    let settings = Settings {
        head_time: Duration::from_millis(300),
        request_time: Duration::from_millis(900),
        connections: 4,
        ..Settings::default()
    };
    with_server(&settings, |address| {
        // As many as there may be, and none of them says a whole word.
        let begin = Instant::now();
        let slow: Vec<TcpStream> = (0..8)
            .map(|i| {
                let mut stream = TcpStream::connect(address).unwrap();
                let head = "POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nx";
                stream.write_all(if i % 2 == 0 { b"POST /pre" } else { head.as_bytes() }).unwrap();
                stream
            })
            .collect();
        assert_eq!(post(address, "/predict", "image/png", &photo(RED, ImageFormat::Png)).status, 200);
        assert!(
            begin.elapsed() > Duration::from_millis(300),
            "they were to hold all connections for a while"
        );
        for (i, stream) in slow.into_iter().enumerate() {
            if i % 2 == 1 {
                assert_eq!(read(stream).status, 408);
            }
        }
    });
}

#[test]
fn requests_that_have_begun_are_answered_at_the_end() {
    let settings = Settings { batch_delay: Duration::from_millis(500), ..Settings::default() };
    let mut waits = None;
    with_server(&settings, |address| {
        let red = photo(RED, ImageFormat::Png);
        waits = Some(std::thread::spawn(move || post(address, "/predict", "image/png", &red)));
        std::thread::sleep(Duration::from_millis(200));
    });
    assert_eq!(waits.unwrap().join().unwrap().json()["photos"][0]["class"], "red");
}

#[test]
fn the_description_names_every_path() {
    with_server(&Settings::default(), |address| {
        let document = get(address, "/openapi.json").json();
        assert_eq!(document["openapi"], "3.1.0");
        let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        for path in &paths {
            assert_ne!(get(address, path).status, 404, "{path}");
        }
        assert_eq!(paths.len(), 6);
        let models = &document["paths"]["/predict"]["post"]["parameters"][0]["schema"]["enum"];
        assert_eq!(models, &serde_json::json!(["colours", "other"]));
    });
}

/// Whatever comes, the answer is a status of HTTP's, and the server goes on.
#[test]
fn no_body_breaks_the_server() {
    use proptest::prelude::*;
    let settings = Settings { request_time: Duration::from_secs(5), ..Settings::default() };
    with_server(&settings, |address| {
        let whole = photo(RED, ImageFormat::Jpeg);
        let kinds =
            ["image/jpeg", "application/json", "multipart/form-data; boundary=x", "multipart/form-data"];
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
        let bodies =
            (0..kinds.len(), prop::collection::vec(any::<u8>(), 0..200), any::<prop::sample::Index>(), 0..4);
        runner
            .run(&bodies, |(kind, noise, at, shape)| {
                let mut body = match shape {
                    0 => Vec::new(),
                    1 => whole.clone(),
                    2 => form(&[("a.jpg", whole.clone())]),
                    _ => b"{\"photos\": [\"/9j/\"]}".to_vec(),
                };
                let place = at.index(body.len() + 1);
                body.splice(place..(place + noise.len() / 2).min(body.len()), noise);
                let answer = post(address, "/predict", kinds[kind], &body);
                prop_assert!([200, 400, 413, 415, 422].contains(&answer.status), "{}", answer.status);
                Ok(())
            })
            .unwrap();
        assert_eq!(get(address, "/healthz").status, 200);
    });
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let x = Input::image(8, 8, 3);
    let bare = Model::new(&x, &Flatten::new().on(&x).unwrap()).unwrap();
    let error = Served::new("bare", bare).unwrap_err().to_string();
    assert!(error.contains("bare") && error.contains("set_preprocessing"), "{error}");
    let error = router(Vec::new(), &Settings::default()).unwrap_err().to_string();
    assert!(error.contains("no model"), "{error}");
    let twice = vec![Served::new("a", model()).unwrap(), Served::new("a", model()).unwrap()];
    let error = router(twice, &Settings::default()).unwrap_err().to_string();
    assert!(error.contains("two models"), "{error}");
}
