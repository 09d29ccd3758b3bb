//! What an exported model takes, and how that becomes the input that Petal's model takes.

use super::graph::OnnxGraph;
use super::layout::TO_CHANNELS_FIRST;
use super::proto::Attribute::{Int, Ints, Text};
use super::proto::{Axis, Element, INT64, Port};
use super::{InputKind, Layout, Onnx};
use crate::data::{AspectRatio, Interpolation, Preprocessing};
use crate::shape::Shape;
use crate::{Error, Result};

/// The input, for samples of this shape.
///
/// # Errors
/// If the settings ask for images, and the model takes none.
pub(super) fn port(settings: &Onnx, shape: &Shape) -> Result<Port> {
    let Ok([height, width, channels]) = shape.image() else {
        if *settings != Onnx::new().logits(settings.logits) {
            let expected =
                format!("the defaults for a model whose input has the shape {shape}, not that of an image");
            return Err(Error::argument("the layout or input of the export", "set", expected));
        }
        let axes = shape.iter().map(|&len| Axis::Fixed(len));
        let shape = std::iter::once(Axis::Free("batch")).chain(axes).collect();
        return Ok(Port { name: "input".into(), element: Element::Float32, shape });
    };
    let element = if settings.input == InputKind::Float32 { Element::Float32 } else { Element::Uint8 };
    let [height, width] = match settings.input {
        InputKind::AnySize => [Axis::Free("height"), Axis::Free("width")],
        _ => [height, width].map(Axis::Fixed),
    };
    let (batch, channels) = (Axis::Free("batch"), Axis::Fixed(channels));
    let shape = match settings.layout {
        Layout::Nhwc => vec![batch, height, width, channels],
        Layout::Nchw => vec![batch, channels, height, width],
    };
    Ok(Port { name: "image".into(), element, shape })
}

/// Adds the nodes that make the model's input, in ONNX's order, of the port. `preprocessing` says how photos are
/// resized.
///
/// # Errors
/// If photos of any size are asked for, and ONNX cannot resize them as the model's preprocessing does.
pub(super) fn lower(
    graph: &mut OnnxGraph,
    port: &Port,
    settings: &Onnx,
    preprocessing: Option<&Preprocessing>,
    shape: &Shape,
) -> Result<String> {
    graph.enter(&port.name);
    let mut name = port.name.clone();
    if port.element == Element::Uint8 {
        name = graph.node_with("Cast", &[&name], vec![("to", Int(Element::Float32.code()))]);
    }
    let Ok([height, width, _]) = shape.image() else { return Ok(name) };
    if settings.layout == Layout::Nhwc {
        name = graph.transpose(&name, &TO_CHANNELS_FIRST);
    }
    if settings.input == InputKind::AnySize {
        let default = Preprocessing::new(height, width);
        name = Resizing { graph, size: [height, width] }.photo(&name, preprocessing.unwrap_or(&default))?;
    }
    Ok(name)
}

/// Photos of any size brought to one, in the graph.
struct Resizing<'a> {
    graph: &'a mut OnnxGraph,
    /// Height and width that are wanted.
    size: [usize; 2],
}

impl Resizing<'_> {
    fn photo(&mut self, photo: &str, preprocessing: &Preprocessing) -> Result<String> {
        let mode = match preprocessing.interpolation {
            Interpolation::Bilinear => {
                vec![("mode", Text("linear")), ("coordinate_transformation_mode", Text("half_pixel"))]
            }
            Interpolation::Nearest => vec![
                ("mode", Text("nearest")),
                ("coordinate_transformation_mode", Text("half_pixel")),
                ("nearest_mode", Text("round_prefer_ceil")),
            ],
            other => {
                let expected = "bilinear or nearest for an exported model that takes photos of any size; export one \
                                that takes its own size, and resize photos before";
                return Err(Error::argument("interpolation", other.name(), expected));
            }
        };
        let mut photo = photo.to_owned();
        if preprocessing.average_large {
            photo = self.average(&photo);
        }
        let (batch_and_channels, sides) = self.shape(&photo);
        let wanted = self.size.map(|side| self.graph.ints(&[side as i64]));
        let mut inner = wanted.clone();
        let mut before = None;
        match preprocessing.aspect_ratio {
            AspectRatio::Stretch => {}
            AspectRatio::Crop => photo = self.crop(&photo, &sides, &wanted),
            AspectRatio::Pad => {
                let (sides, starts) = self.fit_inside(&sides, &wanted);
                inner = sides;
                before = Some(starts);
            }
        }
        let sizes = self.concat(&[&batch_and_channels, &inner[0], &inner[1]]);
        let resized = self.graph.node_with("Resize", &[&photo, "", "", &sizes], mode);
        let whole = self.round(&resized);
        let Some(before) = before else { return Ok(whole) };
        let behind = [0, 1].map(|axis| {
            let rest = self.graph.node("Sub", &[&wanted[axis], &inner[axis]]);
            self.graph.node("Sub", &[&rest, &before[axis]])
        });
        let none = self.graph.ints(&[0, 0]);
        let pads = self.concat(&[&none, &before[0], &before[1], &none, &behind[0], &behind[1]]);
        Ok(self.graph.node("Pad", &[&whole, &pads]))
    }

    /// A photo's batch and channels, and its sides.
    fn shape(&mut self, photo: &str) -> (String, [String; 2]) {
        let shape = self.graph.node("Shape", &[photo]);
        let [batch_and_channels, height, width] = [[0, 2], [2, 3], [3, 4]].map(|[from, to]| {
            let [from, to] = [from, to].map(|place| self.graph.ints(&[place]));
            self.graph.node("Slice", &[&shape, &from, &to])
        });
        (batch_and_channels, [height, width])
    }

    /// Whole numbers, as Petal keeps photos.
    fn round(&mut self, photo: &str) -> String {
        let half = self.graph.scalar(0.5);
        let raised = self.graph.node("Add", &[photo, &half]);
        self.graph.node("Floor", &[&raised])
    }

    /// The photo halved as often as its sides stay twice those that are wanted.
    fn average(&mut self, photo: &str) -> String {
        let (batch_and_channels, sides) = self.shape(photo);
        let scales = self.graph.ints(&std::array::from_fn::<i64, 16, _>(|halvings| 1 << halvings));
        // Divided by a scale and rounded up, a side is at least 2 · wanted.
        let fits = [0, 1].map(|axis| {
            let least = self.graph.ints(&[2 * self.size[axis] as i64 - 1]);
            let most = self.graph.node("Mul", &[&scales, &least]);
            self.graph.node("Less", &[&most, &sides[axis]])
        });
        let fits = self.graph.node("And", &[&fits[0], &fits[1]]);
        let one = self.graph.ints(&[1]);
        let scales = self.graph.node("Where", &[&fits, &scales, &one]);
        let scale = self.graph.node("ReduceMax", &[&scales]);
        let rest = self.graph.node("Sub", &[&scale, &one]);
        let counts = [0, 1].map(|axis| {
            let raised = self.graph.node("Add", &[&sides[axis], &rest]);
            self.graph.node("Div", &[&raised, &scale])
        });
        let behind = [0, 1].map(|axis| {
            let whole = self.graph.node("Mul", &[&counts[axis], &scale]);
            self.graph.node("Sub", &[&whole, &sides[axis]])
        });
        let none = self.graph.ints(&[0; 6]);
        let pads = self.concat(&[&none, &behind[0], &behind[1]]);
        let photo = self.graph.node_with("Pad", &[photo, &pads], vec![("mode", Text("edge"))]);
        let blocks = self.concat(&[&batch_and_channels, &counts[0], &scale, &counts[1], &scale]);
        let blocks = self.graph.node("Reshape", &[&photo, &blocks]);
        let axes = vec![("axes", Ints(vec![3, 5])), ("keepdims", Int(0))];
        let means = self.graph.node_with("ReduceMean", &[&blocks], axes);
        self.round(&means)
    }

    /// The largest part in the middle that has the wanted proportions.
    fn crop(&mut self, photo: &str, sides: &[String; 2], wanted: &[String; 2]) -> String {
        let [one, two] = [1, 2].map(|number| self.graph.ints(&[number]));
        let parts = [0, 1].map(|axis| {
            let product = self.graph.node("Mul", &[&sides[1 - axis], &wanted[axis]]);
            let [product, other] = [&product, &wanted[1 - axis]].map(|number| self.float(number));
            let side = self.graph.node("Div", &[&product, &other]);
            let side = self.int(&side);
            let side = self.graph.node("Max", &[&side, &one]);
            self.graph.node("Min", &[&side, &sides[axis]])
        });
        let starts = [0, 1].map(|axis| {
            let rest = self.graph.node("Sub", &[&sides[axis], &parts[axis]]);
            self.graph.node("Div", &[&rest, &two])
        });
        let ends = [0, 1].map(|axis| self.graph.node("Add", &[&starts[axis], &parts[axis]]));
        let [starts, ends] = [starts, ends].map(|[row, column]| self.concat(&[&row, &column]));
        let axes = self.graph.ints(&[2, 3]);
        self.graph.node("Slice", &[photo, &starts, &ends, &axes])
    }

    /// Height and width of the whole photo within the wanted size, and the row and column where it begins.
    fn fit_inside(&mut self, sides: &[String; 2], wanted: &[String; 2]) -> ([String; 2], [String; 2]) {
        let one = self.graph.ints(&[1]);
        let exact = [0, 1].map(|axis| self.float(&sides[axis]));
        let targets = [0, 1].map(|axis| self.float(&wanted[axis]));
        let ratios = [0, 1].map(|axis| self.graph.node("Div", &[&exact[axis], &targets[axis]]));
        let ratio = self.graph.node("Max", &[&ratios[1], &ratios[0]]);
        let exact = exact.map(|side| self.graph.node("Div", &[&side, &ratio]));
        let inner = [0, 1].map(|axis| {
            let side = self.int(&exact[axis]);
            let side = self.graph.node("Max", &[&side, &one]);
            self.graph.node("Min", &[&side, &wanted[axis]])
        });
        let [two, zero] = [2.0, 0.0].map(|number| self.graph.scalar(number));
        let starts = [0, 1].map(|axis| {
            let rest = self.graph.node("Sub", &[&targets[axis], &exact[axis]]);
            let before = self.graph.node("Div", &[&rest, &two]);
            let before = self.graph.node("Floor", &[&before]);
            let before = self.graph.node("Max", &[&before, &zero]);
            let before = self.int(&before);
            let most = self.graph.node("Sub", &[&wanted[axis], &inner[axis]]);
            self.graph.node("Min", &[&before, &most])
        });
        (inner, starts)
    }

    fn concat(&mut self, parts: &[&str]) -> String {
        self.graph.node_with("Concat", parts, vec![("axis", Int(0))])
    }

    fn float(&mut self, number: &str) -> String {
        self.graph.node_with("Cast", &[number], vec![("to", Int(Element::Float32.code()))])
    }

    /// The fraction is cut off.
    fn int(&mut self, number: &str) -> String {
        self.graph.node_with("Cast", &[number], vec![("to", Int(INT64))])
    }
}
