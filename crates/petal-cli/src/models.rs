//! `petal models`.

use std::time::{Duration, Instant};

use petal::applications::{Application, Architecture, Weights};
use petal::program::{Gradient, Mode};
use serde_json::json;

use crate::args::Models;
use crate::terminal::{answer, answer_as_is};
use crate::{Failure, Outcome, SUCCESS};

pub fn run(args: &Models) -> Outcome {
    let networks = if args.networks.is_empty() { Application::ALL } else { &args.networks };
    if !args.json {
        let measured = if args.measure { "  ms a photo" } else { "" };
        answer!("{:<20} parameters      MB   GFLOP  photos   top-1  weights{measured}", "network")?;
    }
    for &network in networks {
        let network = Facts::of(network, args.measure)?;
        match args.json {
            true => answer_as_is(network.json())?,
            false => answer!("{}", network.line())?,
        }
    }
    Ok(SUCCESS)
}

/// What is known of a network.
struct Facts {
    network: Application,
    params: usize,
    /// Floating-point operations for a photo.
    flop: usize,
    milliseconds: Option<f64>,
}

impl Facts {
    fn of(network: Application, measure: bool) -> Result<Facts, Failure> {
        let graph = network.graph(true)?;
        let milliseconds = if measure { Some(milliseconds(network)?) } else { None };
        let flop = 2 * graph.program(Mode::Infer, Gradient::None).multiply_adds();
        Ok(Facts { network, params: graph.count_params(), flop, milliseconds })
    }

    /// Of the file with its weights, which are numbers of 4 bytes.
    fn megabytes(&self) -> f64 {
        4e-6 * self.params as f64
    }

    fn line(&self) -> String {
        let (network, side) = (self.network, self.network.image_size());
        let weights = if network.cached_weights().is_some() { "here" } else { "" };
        let line = format!(
            "{:<20} {:>8.1} M {:>7.0} {:>7.1}  {side}×{side}  {:.1} %  {weights:<7}",
            network.name(),
            self.params as f64 / 1e6,
            self.megabytes(),
            self.flop as f64 / 1e9,
            network.top_1(),
        );
        match self.milliseconds {
            Some(milliseconds) => format!("{line}  {milliseconds:>10.1}"),
            None => line.trim_end().to_owned(),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "name": self.network.name(),
            "keras_name": self.network.keras_name(),
            "parameters": self.params,
            "megabytes": self.megabytes(),
            "gflop": self.flop as f64 / 1e9,
            "image_size": self.network.image_size(),
            "top_1": self.network.top_1(),
            "weights": self.network.cached_weights(),
            "milliseconds": self.milliseconds,
        })
    }
}

/// The time for a photo: the median over a second, at least five of them.
fn milliseconds(network: Application) -> Result<f64, Failure> {
    let side = network.image_size();
    let model = Architecture::Transfer(network).build([side, side, 3], 5, &Weights::None, 0)?;
    let mut predictor = model.predictor(1)?;
    let photo: Vec<f32> = (0..side * side * 3).map(|i| (i * i % 256) as f32).collect();
    predictor.predict(&photo)?;
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.len() < 5 || start.elapsed() < Duration::from_secs(1) {
        let before = Instant::now();
        predictor.predict(&photo)?;
        times.push(1000.0 * before.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
