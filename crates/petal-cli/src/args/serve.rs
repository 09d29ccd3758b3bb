use std::net::IpAddr;

use clap::Args;

use super::Unsaid;
use super::values::{MOST, at_least_one, share};

/// A page and an API that classify photos, over HTTP
///
/// The page, at the address that is printed, takes photos that are dropped, pasted, chosen or taken with the camera, and
/// shows their classes and where the model looks. Programs send photos to /predict; /openapi.json describes the API, and
/// /metrics counts for Prometheus. Ctrl-C or SIGTERM ends it, when the requests that have begun are answered.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal serve runs/flower_photos-1
  petal serve flowers=runs/flower_photos-1 imagenet=mobilenet_v2.keras --port 8080
  curl -F photo=@tulip.jpg http://127.0.0.1:8000/predict
  curl --data-binary @tulip.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8000/predict?top=3")]
pub struct Serve {
    /// The models, the first is asked unless a request names another: .petal files, folders of runs, or .keras or .h5
    /// files of Keras, as MODEL or NAME=MODEL
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<String>,
    /// Answer `unknown` where a photo looks like none of the classes, so seldom that this share of photos that are of
    /// one keep their class, like 0.95
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub unknown: Option<f64>,
    /// Take the mean over N views of each photo, 1 to 12, which is often a little more right and takes N times as long:
    /// itself, its mirror image, and parts of nine tenths
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one::<12>)]
    pub tta: usize,
    /// The port; 0 for a free one
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub port: u16,
    /// The address to listen at; only 0.0.0.0, or one of this machine's own, lets others in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// What requests must bring as `Authorization: Bearer TOKEN`; also taken from the variable PETAL_TOKEN, where others
    /// don't see it
    #[arg(long, value_name = "TOKEN", env = "PETAL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The most photos that go through a model together
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one::<MOST>)]
    pub batch_size: usize,
    /// How many milliseconds a photo waits for others to go with it
    #[arg(long, value_name = "MS", default_value_t = 0, hide_short_help = true)]
    pub batch_delay_ms: u64,
    /// The most photos that wait; further ones are answered 503
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = at_least_one::<MOST>, hide_short_help = true)]
    pub queue: usize,
    /// Megabytes of a request's body
    #[arg(long, value_name = "MB", default_value_t = 32, value_parser = at_least_one::<4000>, hide_short_help = true)]
    pub max_body_mb: usize,
    /// The most connections at a time; further ones wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = at_least_one::<MOST>, hide_short_help = true)]
    pub connections: usize,
    /// Show warnings only, and not each request
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub unsaid: Unsaid,
}
