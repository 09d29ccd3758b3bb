use serde::{Deserialize, Serialize};

use super::Lowering;

use crate::program::{Op, Value};
use crate::shape::Shape;

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

    /// Refuses axes that aren't there, and none.
    pub(super) fn check_some(&self, shape: &Shape) -> Result<(), String> {
        match self.resolve(shape)?.is_empty() {
            true => Err("it has no axis; expected at least one".into()),
            false => Ok(()),
        }
    }

    /// Refuses all but the last axis.
    pub(super) fn check_last(&self, shape: &Shape) -> Result<(), String> {
        if self.resolve(shape)? == [shape.len() - 1] {
            return Ok(());
        }
        Err(format!("its axis is {:?} for an input of shape {shape}; expected the last, -1", self.0))
    }

    /// The shape along the axes, which must be the last one or several up to it.
    pub(super) fn trailing<'a>(&self, shape: &'a Shape) -> Result<&'a [usize], String> {
        let places = self.resolve(shape)?;
        let trailing = places.iter().copied().eq(shape.len() - places.len()..shape.len());
        if places.is_empty() || !trailing {
            return Err(format!(
                "its axis is {:?} for an input of shape {shape}; expected the last axis, or several up to the last",
                self.0
            ));
        }
        Ok(&shape[places[0]..])
    }
}

/// Adds the operation on rows of the axes at `places`, of this many values: brings these axes behind all others, and
/// what the operation gives back into its order.
pub(super) fn along(
    node: &mut Lowering<'_>,
    x: Value,
    shape: &Shape,
    places: &[usize],
    op: impl FnOnce(usize) -> Op,
) -> Value {
    let others = (0..shape.len()).filter(|axis| !places.contains(axis));
    let order: Vec<usize> = others.chain(places.iter().copied()).collect();
    let op = op(places.iter().map(|&axis| shape[axis]).product());
    if order.is_sorted() {
        return node.step(op, &[x], shape);
    }
    let moved = Shape::from(order.iter().map(|&axis| shape[axis]).collect::<Vec<_>>());
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
    let x = node.step(Op::Transpose { order }, &[x], &moved);
    let y = node.step(op, &[x], &moved);
    node.step(Op::Transpose { order: back }, &[y], shape)
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
