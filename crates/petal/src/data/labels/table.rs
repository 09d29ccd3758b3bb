//! From a table's text to its rows.

use std::fs::File;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::super::set_folders::{PhotoSet, set};
use super::{LabelFile, Row};
use crate::{Error, Result};

/// The usual names of columns, in lower case with `_` between words; of several, the first one is meant.
const FILE: [&str; 18] = [
    "file_path",
    "filepath",
    "filepaths",
    "path",
    "file",
    "filename",
    "file_name",
    "image_path",
    "image_file",
    "image_name",
    "image",
    "img_path",
    "img",
    "photo",
    "image_id",
    "name",
    "fname",
    "id",
];
/// Of several of these, any may be meant.
const LABEL: [&str; 12] = [
    "label",
    "labels",
    "class",
    "class_name",
    "classname",
    "category",
    "species",
    "breed",
    "target",
    "tag",
    "diagnosis",
    "y",
];
const SET: [&str; 8] = ["split", "set", "subset", "partition", "data_set", "dataset", "is_valid", "is_test"];

/// What a table may have.
const MOST_BYTES: u64 = 1 << 30;

/// Every row after the names of the columns.
pub(super) fn rows(file: &LabelFile) -> Result<Vec<Row>> {
    let text = read(file)?;
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(&text))
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let csv = |error: csv::Error| Error::file(&file.path, format!("it is no table: {error}"));
    let heads = reader.headers().map_err(csv)?.clone();
    let columns = Columns::find(file, &heads)?;
    let mut rows = Vec::new();
    let mut sets = Vec::new();
    for record in reader.records() {
        let record = record.map_err(csv)?;
        let line = record.position().map_or(0, |position| {
            // It is that of the end of the record before, which empty lines may follow.
            let rest = text.as_bytes().get(position.byte() as usize..).unwrap_or_default();
            let blank =
                rest.iter().take_while(|byte| byte.is_ascii_whitespace()).filter(|&&byte| byte == b'\n');
            position.line() + blank.count() as u64
        });
        let field = |column: usize| match record.get(column) {
            Some("") => Err(file.error(
                line,
                format_args!("it says nothing in the column '{}'; expected a name", &heads[column]),
            )),
            Some(text) => Ok(text.to_owned()),
            None => Err(file.error(
                line,
                format_args!(
                    "it has {} of {} fields; expected: {}",
                    record.len(),
                    heads.len(),
                    heads.iter().collect::<Vec<_>>().join(", ")
                ),
            )),
        };
        rows.push(Row { line, file: field(columns.file)?, label: field(columns.label)?, set: None });
        sets.push(columns.set.map(|column| record.get(column).unwrap_or_default().to_owned()));
    }
    if rows.is_empty() {
        return Err(Error::file(
            &file.path,
            "there is no line but that of the columns; expected one for each photo",
        ));
    }
    let Some(column) = columns.set else { return Ok(rows) };
    let name = &heads[column];
    let known: Vec<_> =
        sets.iter().map(|value| value.as_deref().and_then(|value| set_of(name, value))).collect();
    // A column of that name may be about something else.
    if known.iter().any(Option::is_some) {
        for ((row, set), value) in rows.iter_mut().zip(known).zip(sets) {
            row.set = set;
            if set.is_none() {
                let value = value.unwrap_or_default();
                let expected = if name.to_lowercase().starts_with("is_") {
                    "true or false"
                } else {
                    "train, val or test"
                };
                let problem =
                    format_args!("'{value}' in the column '{name}' is no set of photos; expected {expected}");
                return Err(file.error(row.line, problem));
            }
        }
    }
    Ok(rows)
}

fn read(file: &LabelFile) -> Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(&file.path).and_then(|it| it.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(Error::io("read", &file.path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::file(
            &file.path,
            "it has more than 1 GiB; expected a table with a line for each photo",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|&byte| byte == b'\n').count();
        file.error(line as u64, "it is no UTF-8 text; save the table as CSV in UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// What stands between the names of the columns: spreadsheets write `;` where numbers have a comma.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |&delimiter: &u8| first.bytes().filter(|&byte| byte == delimiter).count();
    // Of equals the last one.
    *[b';', b'\t', b','].iter().max_by_key(|delimiter| count(delimiter)).unwrap_or(&b',')
}

/// Which columns are meant.
struct Columns {
    file: usize,
    label: usize,
    set: Option<usize>,
}

impl Columns {
    fn find(file: &LabelFile, heads: &StringRecord) -> Result<Self> {
        let plain: Vec<String> =
            heads.iter().map(|head| head.to_lowercase().replace(['-', ' '], "_")).collect();
        let usual = |names: &[&str]| -> Vec<usize> {
            names.iter().filter_map(|name| plain.iter().position(|head| head == name)).collect()
        };
        let all = || heads.iter().collect::<Vec<_>>().join(", ");
        let named = |wanted: &String| {
            let found = heads.iter().position(|head| head == wanted);
            found.ok_or_else(|| {
                Error::file(&file.path, format!("there is no column '{wanted}'; its columns are: {}", all()))
            })
        };
        let missing = |what: &str, usual: &[&str], option: &str| {
            Error::file(
                &file.path,
                format!(
                    "no column is called like that of the {what}: the first line is {}; expected one of {}, or name it \
                     with {option}",
                    all(),
                    usual.join(", ")
                ),
            )
        };
        let set = usual(&SET).first().copied();
        let photo = match &file.file_column {
            Some(wanted) => named(wanted)?,
            None => *usual(&FILE)
                .first()
                .ok_or_else(|| missing("photos", &FILE, "file_column (--file-column)"))?,
        };
        let label = match &file.label_column {
            Some(wanted) => named(wanted)?,
            None => match usual(&LABEL).as_slice() {
                [one] => *one,
                [] => {
                    let mut rest = (0..heads.len()).filter(|&column| column != photo && Some(column) != set);
                    match (rest.next(), rest.next()) {
                        (Some(one), None) => one,
                        _ => return Err(missing("classes", &LABEL, "label_column (--label-column)")),
                    }
                }
                [first, second, ..] => {
                    return Err(Error::file(
                        &file.path,
                        format!(
                            "'{}' and '{}' may both be the column of the classes; say which with label_column \
                             (--label-column)",
                            &heads[*first], &heads[*second]
                        ),
                    ));
                }
            },
        };
        Ok(Columns { file: photo, label, set: set.filter(|set| ![photo, label].contains(set)) })
    }
}

/// The set that a value in a column of this name stands for.
fn set_of(column: &str, value: &str) -> Option<PhotoSet> {
    let held_back = match column.to_lowercase().as_str() {
        "is_valid" => PhotoSet::Validation,
        "is_test" => PhotoSet::Test,
        _ => return set(value),
    };
    match value.to_lowercase().as_str() {
        "true" | "1" | "1.0" | "yes" => Some(held_back),
        "false" | "0" | "0.0" | "no" => Some(PhotoSet::Train),
        _ => None,
    }
}
