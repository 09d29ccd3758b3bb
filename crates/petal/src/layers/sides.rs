use serde::{Deserialize, Serialize};

use super::Pair;

/// Rows above and below an image and columns left and right of it: `[[above, below], [left, right]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct Sides(pub [[usize; 2]; 2]);

/// Both ways in which Keras writes them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Sides([[usize; 2]; 2]),
    Symmetric(Pair),
}

impl From<Written> for Sides {
    fn from(written: Written) -> Self {
        match written {
            Written::Sides(sides) => Sides(sides),
            Written::Symmetric(pair) => Sides::symmetric(pair),
        }
    }
}

impl Sides {
    /// As many rows above as below, as many columns left as right.
    pub(super) fn symmetric(pair: impl Into<Pair>) -> Self {
        let [rows, columns] = pair.into().0;
        Sides([[rows; 2], [columns; 2]])
    }
}
