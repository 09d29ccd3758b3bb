use std::fmt;

use super::{Graph, Model, Node};
use crate::printable::printable;

/// A model's table of layers, as Keras' `summary()` prints it; made by [`Model::summary`].
///
/// One row a layer, with its output shape and number of parameters, then the totals. A nested model is one row. Where
/// the graph is no plain chain, a column says what each layer is called on. The total includes the optimizer's values
/// once there are any. The text ends with a newline.
///
/// ```
/// use petal::layers::*;
/// use petal::model::Model;
/// let x = Input::new([4]);
/// let model = Model::new(&x, &Dense::new(3).on(&x)?)?;
/// let text = model.summary().show_trainable(true).to_string();
/// assert!(text.contains("dense (Dense)"));
/// assert!(text.contains(" Total params: 15 (60.00 B)"));
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    graph: &'a Graph,
    optimizer_params: usize,
    line_length: Option<usize>,
    expand_nested: bool,
    show_trainable: bool,
}

impl Graph {
    /// The table of layers. That of a [`Model`](Model::summary) also counts its optimizer's values.
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            graph: self,
            optimizer_params: 0,
            line_length: None,
            expand_nested: false,
            show_trainable: false,
        }
    }
}

impl Model {
    /// The table of layers and parameters, to be printed: `println!("{}", model.summary())`.
    pub fn summary(&self) -> Summary<'_> {
        Summary { optimizer_params: self.optimizer_params(), ..self.graph().summary() }
    }
}

impl Summary<'_> {
    /// The number of values that train.
    pub fn trainable_params(&self) -> usize {
        let weights = self.graph.all_weights();
        weights.iter().filter(|weight| weight.trainable).map(|weight| weight.weight.elements()).sum()
    }

    /// The table's width in characters, at least 40. By default 76, which is Keras' width on a terminal of 80 columns;
    /// on one of 120 it is 88, and 108 where the graph is no plain chain.
    pub fn line_length(self, line_length: usize) -> Self {
        Summary { line_length: Some(line_length.max(40)), ..self }
    }

    /// Whether the layers of nested models have rows too; not by default.
    pub fn expand_nested(self, expand_nested: bool) -> Self {
        Summary { expand_nested, ..self }
    }

    /// Whether a column says which layers train (`Y`, `N`, `-` for a layer without weights); not by default.
    pub fn show_trainable(self, show_trainable: bool) -> Self {
        Summary { show_trainable, ..self }
    }

    /// Whether each layer is called on the one before it alone.
    fn is_chain(&self) -> bool {
        self.graph.nodes().iter().enumerate().skip(1).all(|(i, node)| node.inputs() == [i - 1])
    }

    fn columns(&self) -> Vec<Column> {
        let column = |header, justify, end| Column { header, justify, end, width: 0 };
        let mut columns = if self.is_chain() {
            vec![
                column("Layer (type)", Justify::Left, 0.45),
                column("Output Shape", Justify::Left, 0.80),
                column("Param #", Justify::Right, 1.0),
            ]
        } else {
            vec![
                column("Layer (type)", Justify::Left, 0.3),
                column("Output Shape", Justify::Left, 0.56),
                column("Param #", Justify::Right, 0.74),
                column("Connected to", Justify::Left, 1.0),
            ]
        };
        if self.show_trainable {
            columns.iter_mut().for_each(|column| column.end *= 0.9);
            columns.push(column("Trainable", Justify::Center, 1.0));
        }
        set_widths(&mut columns, self.line_length.unwrap_or(76));
        columns
    }

    /// The cells of a model's layers; `depth` is 0 for the model itself, `trainable` whether the models around train.
    fn rows(&self, graph: &Graph, depth: usize, trainable: bool, rows: &mut Vec<Vec<String>>) {
        let prefix = if depth == 0 { String::new() } else { format!("{}└ ", "   ".repeat(depth)) };
        for node in graph.layers() {
            let trainable = trainable && node.trainable();
            let mut cells = vec![
                format!("{prefix}{} ({})", node.name(), node.layer().class_name()),
                node.output_shape().to_string(),
                thousands(node.count_params()),
            ];
            if !self.is_chain() {
                cells.push(if depth == 0 { connections(graph, node) } else { "-".to_owned() });
            }
            if self.show_trainable {
                let has_weights = node.count_params() > 0;
                cells.push(
                    if !has_weights {
                        "-"
                    } else if trainable {
                        "Y"
                    } else {
                        "N"
                    }
                    .to_owned(),
                );
            }
            rows.push(cells);
            if let (true, Some(nested)) = (self.expand_nested, node.as_model()) {
                self.rows(nested, depth + 1, trainable, rows);
            }
        }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        let mut rows = Vec::new();
        self.rows(self.graph, 0, self.graph.trainable(), &mut rows);
        writeln!(f, "Model: \"{}\"", printable(self.graph.name()))?;
        rule(f, &columns, ["┏", "━", "┳", "┓"])?;
        let headers: Vec<String> = columns.iter().map(|column| column.header.to_owned()).collect();
        row(f, &columns, &headers, "┃")?;
        rule(f, &columns, ["┡", "━", "╇", "┩"])?;
        for (i, cells) in rows.iter().enumerate() {
            if i > 0 {
                rule(f, &columns, ["├", "─", "┼", "┤"])?;
            }
            row(f, &columns, cells, "│")?;
        }
        rule(f, &columns, ["└", "─", "┴", "┘"])?;
        // All other values are f32 but the number of steps, an i64.
        let optimizer_bytes = 4 * self.optimizer_params + if self.optimizer_params > 0 { 4 } else { 0 };
        let (model, trainable) = (self.graph.count_params(), self.trainable_params());
        // Keras' Normalization counts samples in an i64.
        let counts = self.graph.all_weights().iter().filter(|weight| weight.weight.name == "count").count();
        let mut total = |name: &str, values: usize, bytes: usize| {
            writeln!(f, " {name} params: {} ({})", thousands(values), memory(bytes))
        };
        total("Total", model + self.optimizer_params, 4 * (model + counts) + optimizer_bytes)?;
        total("Trainable", trainable, 4 * trainable)?;
        total("Non-trainable", model - trainable, 4 * (model + counts - trainable))?;
        if self.optimizer_params > 0 {
            total("Optimizer", self.optimizer_params, optimizer_bytes)?;
        }
        Ok(())
    }
}

struct Column {
    header: &'static str,
    justify: Justify,
    /// Where it ends, as a share of the line.
    end: f64,
    /// Of the text, without the blank on each side.
    width: usize,
}

#[derive(Clone, Copy)]
enum Justify {
    Left,
    Right,
    Center,
}

/// Keras gives each column its share of the line without counting borders and blanks; Rich then takes the excess from
/// the columns in turn, rounding half to even.
fn set_widths(columns: &mut [Column], line_length: usize) {
    let mut before = 0;
    for column in columns.iter_mut() {
        let end = (column.end * line_length as f64) as usize;
        column.width = end - before;
        before = end;
    }
    let borders = columns.len() + 1;
    let widths: usize = columns.iter().map(|column| column.width + 2).sum();
    let mut excess = (widths + borders).saturating_sub(line_length);
    let mut remaining = columns.len();
    for column in columns {
        let cut = (excess as f64 / remaining as f64).round_ties_even() as usize;
        column.width = column.width.saturating_sub(cut).max(1);
        excess -= cut.min(excess);
        remaining -= 1;
    }
}

fn rule(
    f: &mut fmt::Formatter<'_>,
    columns: &[Column],
    [left, dash, cross, right]: [&str; 4],
) -> fmt::Result {
    let dashes: Vec<String> = columns.iter().map(|column| dash.repeat(column.width + 2)).collect();
    writeln!(f, "{left}{}{right}", dashes.join(cross))
}

fn row(f: &mut fmt::Formatter<'_>, columns: &[Column], cells: &[String], border: &str) -> fmt::Result {
    let lines: Vec<Vec<String>> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| wrap(&printable(cell).to_string(), column.width))
        .collect();
    for i in 0..lines.iter().map(Vec::len).max().unwrap_or(0) {
        f.write_str(border)?;
        for (column, lines) in columns.iter().zip(&lines) {
            let (text, width) = (lines.get(i).map_or("", String::as_str), column.width);
            match column.justify {
                Justify::Left => write!(f, " {text:<width$} {border}")?,
                Justify::Right => write!(f, " {text:>width$} {border}")?,
                Justify::Center => write!(f, " {text:^width$} {border}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// The text in lines of at most `width` characters: broken at blanks, as Rich does, and a longer word cut with `…`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Blanks before the first word indent it; those after a word belong to it, and don't count at the line's end.
    let indent = text.len() - text.trim_start().len();
    let mut start = 0;
    while start < text.len() {
        let blank = text[start.max(indent)..].find(' ').map_or(text.len(), |at| at + start.max(indent));
        let end = text[blank..].find(|c| c != ' ').map_or(text.len(), |at| at + blank);
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() || characters(line) + characters(&text[start..blank]) <= width {
            line.push_str(&text[start..end]);
        } else {
            lines.push(text[start..end].to_owned());
        }
        start = end;
    }
    lines.iter().map(|line| shorten(line.trim_end(), width)).collect()
}

fn shorten(line: &str, width: usize) -> String {
    if characters(line) <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

/// What a layer is called on; `[0][0]` since in Petal each layer is called once and gives one tensor.
fn connections(graph: &Graph, node: &Node) -> String {
    let inputs = node.inputs().iter().map(|&input| format!("{}[0][0]", graph.nodes()[input].name()));
    let text = inputs.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "-".to_owned() } else { text }
}

/// `1234567` → `1,234,567`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1234` → `1.21 KB`.
fn memory(bytes: usize) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.2} {}", UNITS[unit])
}
