use super::Logs;
use crate::python_float::{fixed, repr, scientific};
use crate::{Error, Result};

/// A file's name with placeholders, as Python's `str.format` takes them: `{epoch:02d}-{val_loss:.2f}.petal`.
#[derive(Clone, Debug)]
pub(super) struct FileName {
    template: String,
}

/// The numbers that fill the placeholders.
pub(super) struct Values<'a> {
    /// From 1.
    pub epoch: usize,
    /// From 1.
    pub batch: Option<usize>,
    pub logs: &'a Logs,
}

enum Number {
    Whole(usize),
    Real(f64),
}

impl FileName {
    pub(super) fn new(template: impl Into<String>) -> Self {
        FileName { template: template.into() }
    }

    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The name with all placeholders filled.
    ///
    /// # Errors
    /// If a placeholder isn't closed, names no value or has a format that isn't known.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<String> {
        let mut name = String::new();
        let mut rest = self.template.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            name += &rest[..at];
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                name += brace;
                rest = after;
                continue;
            }
            let Some((field, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return Err(self.problem("each { closed by a }; {{ and }} stand for the braces themselves"));
            };
            name += &self.format(field, values)?;
            rest = after;
        }
        Ok(name + rest)
    }

    fn format(&self, field: &str, values: &Values<'_>) -> Result<String> {
        let (key, spec) = field.split_once(':').unwrap_or((field, ""));
        let number = match key {
            "epoch" => Number::Whole(values.epoch),
            "batch" if values.batch.is_some() => Number::Whole(values.batch.unwrap_or_default()),
            _ => match values.logs.get(key) {
                Some(&value) => Number::Real(value),
                None => {
                    let known: Vec<_> = values.logs.keys().map(String::as_str).collect();
                    return Err(self.problem(&format!(
                        "placeholders for values that there are: epoch, {}; there is no {key}",
                        known.join(", ")
                    )));
                }
            },
        };
        let text = formatted(&number, spec).ok_or_else(|| {
            self.problem(&format!(
                "formats such as 02d for epoch and batch, .2f or .4e for other values, none for all digits; \
                 {key} has :{spec}"
            ))
        })?;
        Ok(text)
    }

    fn problem(&self, expected: &str) -> Error {
        Error::argument("the file name", format!("'{}'", self.template), expected)
    }
}

/// The number in one of Python's formats, `[0][width][.digits][d|e|f]`.
fn formatted(number: &Number, spec: &str) -> Option<String> {
    let (zeros, spec) = spec.strip_prefix('0').map_or((false, spec), |rest| (true, rest));
    let end = spec.find(|c: char| !c.is_ascii_digit()).unwrap_or(spec.len());
    let (width, spec) = spec.split_at(end);
    let width: u8 = if width.is_empty() { 0 } else { width.parse().ok()? };
    let (digits, kind) = match spec.strip_prefix('.') {
        None => (None, spec),
        Some(spec) => {
            let end = spec.find(|c: char| !c.is_ascii_digit()).unwrap_or(spec.len());
            (Some(usize::from(spec[..end].parse::<u8>().ok()?)), &spec[end..])
        }
    };
    let real = |number: &Number| match *number {
        Number::Whole(whole) => whole as f64,
        Number::Real(real) => real,
    };
    let text = match (number, kind, digits) {
        (Number::Whole(whole), "" | "d", None) => whole.to_string(),
        (Number::Real(real), "", None) => repr(*real),
        (number, "f", digits) => fixed(real(number), digits.unwrap_or(6)),
        (number, "e", digits) => scientific(real(number), digits.unwrap_or(6)),
        _ => return None,
    };
    let missing = usize::from(width).saturating_sub(text.len());
    let fill = if zeros { "0" } else { " " }.repeat(missing);
    Some(match text.strip_prefix('-') {
        Some(positive) if zeros => format!("-{fill}{positive}"),
        _ => fill + &text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str) -> Result<String> {
        let logs = Logs::from([("val_loss".into(), 0.125), ("score".into(), -1.5)]);
        FileName::new(template).fill(&Values { epoch: 7, batch: Some(12), logs: &logs })
    }

    #[test]
    fn placeholders_are_filled_as_python_does() {
        let cases = [
            ("best.petal", "best.petal"),
            ("{epoch}", "7"),
            ("{epoch:02d}-{val_loss:.2f}", "07-0.12"),
            ("{epoch:3}|{batch:1d}", "  7|12"),
            ("{val_loss}{score:08.3f}", "0.125-001.500"),
            ("{{{epoch}}}", "{7}"),
            ("{val_loss:.1e}", "1.2e-01"),
            ("{val_loss:f}", "0.125000"),
        ];
        for (template, name) in cases {
            assert_eq!(fill(template).unwrap(), name);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (template, part) in [
            ("{epoch", "closed"),
            ("epoch}", "closed"),
            ("{acc:.2f}", "no acc"),
            ("{val_loss:d}", ":d"),
            ("{epoch:99999d}", ":99999d"),
            ("{epoch:é}", ":é"),
        ] {
            let error = fill(template).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(template), "{error}");
        }
    }
}
