use serde::{Deserialize, Serialize};

/// Two numbers for the two axes of an image, height first; one number stands for both.
///
/// ```
/// use petal::layers::Pair;
/// assert_eq!(Pair::from(3), Pair::from((3, 3)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrTwo")]
pub struct Pair(pub [usize; 2]);

/// What Keras accepts in a configuration.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrTwo {
    One(usize),
    Two([usize; 2]),
}

impl From<OneOrTwo> for Pair {
    fn from(value: OneOrTwo) -> Self {
        match value {
            OneOrTwo::One(both) => both.into(),
            OneOrTwo::Two(axes) => axes.into(),
        }
    }
}

impl From<usize> for Pair {
    fn from(both: usize) -> Self {
        Pair([both, both])
    }
}

impl From<(usize, usize)> for Pair {
    fn from((height, width): (usize, usize)) -> Self {
        Pair([height, width])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(axes: [usize; 2]) -> Self {
        Pair(axes)
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}", self.0[0], self.0[1])
    }
}
