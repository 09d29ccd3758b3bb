use serde::{Deserialize, Deserializer, Serialize};

/// The range that an augmentation draws from: a number `f` stands for `-|f|..=|f|`, a pair for its bounds.
///
/// ```
/// use petal::layers::Factor;
/// assert_eq!(Factor::from(0.1), Factor::from((-0.1, 0.1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "(f32, f32)")]
pub struct Factor {
    lower: f32,
    upper: f32,
}

/// Both ways in which Keras writes a factor.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f32),
    Pair(f32, f32),
}

impl From<Written> for Factor {
    fn from(written: Written) -> Self {
        match written {
            Written::Number(number) => number.into(),
            Written::Pair(a, b) => (a, b).into(),
        }
    }
}

impl From<f32> for Factor {
    fn from(number: f32) -> Self {
        Factor { lower: -number.abs(), upper: number.abs() }
    }
}

impl From<(f32, f32)> for Factor {
    fn from((a, b): (f32, f32)) -> Self {
        if b < a { Factor { lower: b, upper: a } } else { Factor { lower: a, upper: b } }
    }
}

impl From<Factor> for (f32, f32) {
    fn from(factor: Factor) -> Self {
        (factor.lower, factor.upper)
    }
}

impl Factor {
    pub(super) fn bounds(self) -> [f32; 2] {
        [self.lower, self.upper]
    }

    /// The same with no number below `bound`.
    pub(super) fn at_least(self, bound: f32) -> Self {
        Factor { lower: self.lower.max(bound), ..self }
    }

    /// Refuses bounds outside of `[low, high]`.
    pub(super) fn check(self, what: &str, low: f32, high: f32) -> Result<(), String> {
        if low <= self.lower && self.lower <= self.upper && self.upper <= high {
            return Ok(());
        }
        Err(format!("its {what} is {} to {}; expected bounds in {low} to {high}", self.lower, self.upper))
    }
}

/// A factor of a layer whose numbers lie above 0: one number stands for 0 and it.
pub(super) fn from_zero<'de, D: Deserializer<'de>>(written: D) -> Result<Factor, D::Error> {
    Written::deserialize(written).map(|written| above(written, 0.0))
}

/// The same of one that may be missing.
pub(super) fn some_from_zero<'de, D: Deserializer<'de>>(written: D) -> Result<Option<Factor>, D::Error> {
    Option::<Written>::deserialize(written).map(|written| written.map(|written| above(written, 0.0)))
}

/// A factor of a layer whose numbers lie above 1.
pub(super) fn from_one<'de, D: Deserializer<'de>>(written: D) -> Result<Factor, D::Error> {
    Written::deserialize(written).map(|written| above(written, 1.0))
}

fn above(written: Written, bound: f32) -> Factor {
    match written {
        Written::Number(number) => Factor::from(number).at_least(bound),
        Written::Pair(a, b) => (a, b).into(),
    }
}
