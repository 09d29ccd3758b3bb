use clap::Args;
use petal::applications::Application;

use super::values::application;

/// The networks for transfer learning: how large, how costly and how good they are
///
/// Parameters, the size of the file of weights, floating-point operations (two for each multiplication and addition of
/// convolutions and dense layers) and the share of ImageNet's photos that it gets right (as Keras' documentation has it)
/// are those of the whole network with its 1,000 classes, for photos of its own size. Weights are "here" where Keras'
/// cache has those that petal train begins with; others are downloaded when they are needed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petal models
  petal models --measure EfficientNetB0 MobileNetV2
  petal models --json | jq .name")]
pub struct Models {
    /// Only these, by Keras' names or Petal's [default: all]
    #[arg(value_name = "NETWORK", value_parser = application())]
    pub networks: Vec<Application>,
    /// Measure how long this machine takes for a photo of the network's own size, alone, with random weights
    #[arg(long, requires = "networks")]
    pub measure: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}
