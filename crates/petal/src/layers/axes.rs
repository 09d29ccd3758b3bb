use serde::{Deserialize, Serialize};

use crate::model::Shape;

/// Axes of a batch as Keras counts them: 0 is the batch, negative numbers count from the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(crate) struct Axes(pub Vec<isize>);

/// How Keras writes them: one number, several, or null for none.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(isize),
    Several(Vec<isize>),
    None,
}

impl From<Written> for Axes {
    fn from(written: Written) -> Self {
        match written {
            Written::One(axis) => Axes(vec![axis]),
            Written::Several(axes) => Axes(axes),
            Written::None => Axes(Vec::new()),
        }
    }
}

impl From<Axes> for Written {
    fn from(Axes(axes): Axes) -> Self {
        match axes[..] {
            [] => Written::None,
            [axis] => Written::One(axis),
            _ => Written::Several(axes),
        }
    }
}

impl Axes {
    pub(super) fn last() -> Self {
        Axes(vec![-1])
    }

    /// The axes' places in the shape of a sample, in order.
    pub(super) fn resolve(&self, shape: &Shape) -> Result<Vec<usize>, String> {
        let mut places = self.0.iter().map(|&axis| resolve(axis, shape)).collect::<Result<Vec<_>, _>>()?;
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }
}

/// An axis' place in the shape of a sample.
pub(super) fn resolve(axis: isize, shape: &Shape) -> Result<usize, String> {
    let rank = shape.len() + 1;
    let place = if axis < 0 { rank.checked_add_signed(axis) } else { usize::try_from(axis).ok() };
    match place {
        Some(0) => Err("its axis is that of the batch; expected an axis of the sample".into()),
        Some(place) if place < rank => Ok(place - 1),
        _ => Err(format!("its axis is {axis}, but its input of shape {shape} has {rank} axes")),
    }
}
