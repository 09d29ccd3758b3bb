//! Files with the names of classes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// Far more than the names of any classes take.
const LARGEST: u64 = 1 << 20;

/// The names in a file, in the order of the classes' numbers: a line each, perhaps behind its number, as in Teachable
/// Machine's labels.txt; or in JSON `["daisy", "roses"]`, `{"daisy": 0, "roses": 1}` or `{"0": "daisy", "1": "roses"}`.
///
/// # Errors
/// If there are no such names in it.
pub fn read(path: &Path) -> Result<Vec<String>, String> {
    let problem = |problem: &str| format!("{}: {problem}", path.display());
    let cannot = |error: std::io::Error| problem(&format!("cannot be read: {error}"));
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(problem("is no plain file; expected one with the names of the classes"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        return Err(problem("has more than 1 MB; expected the names of classes, one a line"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| problem("is no text; expected the names of classes, one a line"))?;
    let names = parse(text.trim_start_matches('\u{feff}')).map_err(|found| problem(&found))?;
    match names.is_empty() {
        true => Err(problem("has no names; expected those of the classes, one a line")),
        false => Ok(names),
    }
}

fn parse(text: &str) -> Result<Vec<String>, String> {
    if text.trim_start().starts_with(['[', '{']) {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
        return from_json(&value).ok_or_else(|| {
            "has no class names; expected [\"daisy\", \"roses\"] or {\"daisy\": 0, \"roses\": 1}".into()
        });
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let numbered: Option<Vec<&str>> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| {
            let (number, name) = line.split_once(char::is_whitespace)?;
            (number.trim_end_matches([':', '.', ',']).parse() == Ok(i)).then_some(name.trim())
        })
        .collect();
    Ok(numbered.unwrap_or(lines).into_iter().map(str::to_owned).collect())
}

fn from_json(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(names) => names.iter().map(text).collect(),
        Value::Object(pairs) => {
            let pair = |(key, value): (&String, &Value)| match value {
                Value::String(name) => Some((key.parse().ok()?, name.clone())),
                value => Some((value.as_u64()?, key.clone())),
            };
            let mut pairs: Vec<(u64, String)> = pairs.iter().map(pair).collect::<Option<_>>()?;
            pairs.sort();
            let in_order = pairs.iter().zip(0..).all(|((number, _), i)| *number == i);
            in_order.then(|| pairs.into_iter().map(|(_, name)| name).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_are_read_as_tools_write_them() {
        let flowers = ["daisy", "water lily"].map(String::from).to_vec();
        for text in [
            "daisy\nwater lily\n",
            "0 daisy\r\n1 water lily\r\n",
            "0: daisy\n1: water lily",
            r#"["daisy", "water lily"]"#,
            r#"{"water lily": 1, "daisy": 0}"#,
            r#"{"0": "daisy", "1": "water lily"}"#,
        ] {
            assert_eq!(parse(text).unwrap(), flowers, "{text}");
        }
        // Names may begin with numbers.
        assert_eq!(parse("1 cent\n2 cents").unwrap(), ["1 cent", "2 cents"]);
        for text in ["[1, 2]", r#"{"daisy": 0, "rose": 2}"#, "{", "[[]]"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
