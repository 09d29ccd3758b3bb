use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use super::{Callback, Logs, Training};
use crate::history::History;
use crate::python_float::repr;
use crate::{Error, Result};

/// Writes each epoch's values to a CSV file, byte for byte as Keras' `CSVLogger`.
///
/// Defaults: commas, a new file.
///
/// The columns are `epoch` (from 0) and the first epoch's values in alphabetical order; where that epoch has none from
/// validation, empty columns for them follow. A value that is missing later is `NA`, one that is new is left out.
/// Lines end in CRLF, and each is on disk at the end of its epoch.
///
/// ```
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::callbacks::CSVLogger;
/// use petal::training::{Fit, MeanSquaredError, SGD, Verbose};
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("training.csv");
///
/// let x = Input::new([3]);
/// let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
/// model.compile(SGD::new(0.0), MeanSquaredError::new())?;
/// let data = ArrayDataset::new(ndarray::Array2::zeros((4, 3)), &[0, 1, 0, 1])?;
/// model.fit(&data, Fit::epochs(1).validation(&data).callback(CSVLogger::new(&file)).verbose(Verbose::Silent))?;
/// let text = std::fs::read_to_string(&file).unwrap();
/// assert_eq!(text, "epoch,accuracy,loss,val_accuracy,val_loss\r\n0,0.5,0.5,0.5,0.5\r\n");
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Debug)]
pub struct CSVLogger {
    path: PathBuf,
    separator: char,
    append: bool,
    file: Option<File>,
    header: bool,
    keys: Option<Vec<String>>,
    /// The first epoch that an interrupted run goes on with.
    resumes_at: Option<usize>,
}

impl CSVLogger {
    /// Writes to this file, and empties it first.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        CSVLogger {
            path: path.into(),
            separator: ',',
            append: false,
            file: None,
            header: true,
            keys: None,
            resumes_at: None,
        }
    }

    /// What stands between two values.
    pub fn separator(self, separator: char) -> Self {
        CSVLogger { separator, ..self }
    }

    /// Whether to go on after what is in the file; no header is written if anything is.
    pub fn append(self, append: bool) -> Self {
        CSVLogger { append, ..self }
    }

    /// Goes on with the file of an interrupted run after the epochs of `history`: with its columns, and without the rows
    /// of epochs that are trained again.
    pub fn resume(self, history: &History) -> Self {
        CSVLogger { append: true, resumes_at: Some(history.next_epoch()), ..self }
    }

    /// Cuts off what comes after the rows of the epochs before `next`.
    fn keep_epochs_before(&mut self, next: usize) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let text = fs::read_to_string(&self.path).map_err(Error::io("read", &self.path))?;
        let mut lines = text.split_inclusive('\n').take_while(|line| line.ends_with('\n'));
        let header = lines.next().unwrap_or_default();
        let epoch = |line: &str| line.split(self.separator).next()?.parse::<usize>().ok();
        let rows = lines.take_while(|line| epoch(line).is_some_and(|epoch| epoch < next));
        let kept = header.len() + rows.map(str::len).sum::<usize>();
        let file = File::options().write(true).open(&self.path);
        file.and_then(|file| file.set_len(kept as u64)).map_err(Error::io("write", &self.path))?;
        if !header.is_empty() {
            self.keys = Some(header.trim_end().split(self.separator).skip(1).map(str::to_owned).collect());
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(line.as_bytes()).map_err(Error::io("write", &self.path))
    }

    fn line<'a>(&self, values: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (i, value) in values.enumerate() {
            if i > 0 {
                line.push(self.separator);
            }
            if value.contains(['"', '\r', '\n', self.separator]) {
                line.extend(["\"", &value.replace('"', "\"\""), "\""]);
            } else {
                line += value;
            }
        }
        line + "\r\n"
    }
}

impl Callback for CSVLogger {
    fn on_train_begin(&mut self, _training: &mut Training<'_>) -> Result<()> {
        self.keys = None;
        self.header = true;
        if let Some(next) = self.resumes_at.take() {
            self.keep_epochs_before(next)?;
        }
        if self.append && self.path.exists() {
            let file = File::open(&self.path).map_err(Error::io("read", &self.path))?;
            let mut start = BufReader::new(file);
            self.header = start.fill_buf().map_err(Error::io("read", &self.path))?.is_empty();
        }
        let mut options = File::options();
        options.create(true).write(true).append(self.append).truncate(!self.append);
        self.file = Some(options.open(&self.path).map_err(Error::io("write", &self.path))?);
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, _training: &mut Training<'_>) -> Result<()> {
        if self.keys.is_none() {
            let mut keys: Vec<_> = logs.keys().cloned().collect();
            if !keys.iter().any(|key| key.starts_with("val_")) {
                keys.extend(logs.keys().map(|key| format!("val_{key}")));
            }
            if self.header {
                let header = self.line(std::iter::once("epoch").chain(keys.iter().map(String::as_str)));
                self.write(&header)?;
            }
            self.keys = Some(keys);
        }
        let keys = self.keys.iter().flatten();
        let values = keys.map(|key| logs.get(key).map_or("NA".into(), |&value| repr(value)));
        let row: Vec<String> = std::iter::once(epoch.to_string()).chain(values).collect();
        let row = self.line(row.iter().map(String::as_str));
        self.write(&row)
    }

    fn on_train_end(&mut self, _training: &mut Training<'_>) -> Result<()> {
        self.file = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::traces::{self, Trainee};
    use super::*;

    #[test]
    fn files_are_those_of_keras_to_the_byte() {
        for trace in traces::of("csv_logger") {
            let (case, config) = (trace["case"].as_str().unwrap(), &trace["config"]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log.csv");
            if let Some(before) = trace["before"].as_str() {
                std::fs::write(&path, before).unwrap();
            }
            let mut callback = CSVLogger::new(&path);
            for (name, value) in config.as_object().unwrap() {
                callback = match name.as_str() {
                    "separator" => callback.separator(value.as_str().unwrap().chars().next().unwrap()),
                    "append" => callback.append(value.as_bool().unwrap()),
                    other => panic!("{case} sets {other}"),
                };
            }
            let mut trainee = Trainee::new(0.1);
            trainee.run(|training| callback.on_train_begin(training)).unwrap();
            let first = trace["first_epoch"].as_u64().unwrap() as usize;
            for (i, logs) in trace["logs"].as_array().unwrap().iter().enumerate() {
                let mut logs = traces::logs(logs);
                trainee.run(|training| callback.on_epoch_end(first + i, &mut logs, training)).unwrap();
            }
            let contents = std::fs::read_to_string(&path).unwrap();
            assert_eq!(contents, trace["contents"].as_str().unwrap(), "{case}");
            trainee.run(|training| callback.on_train_end(training)).unwrap();
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_before_training() {
        let mut callback = CSVLogger::new("no/such/folder/log.csv");
        let error = Trainee::new(0.1).run(|training| callback.on_train_begin(training)).unwrap_err();
        assert!(error.to_string().contains("no/such/folder/log.csv"));
    }
}
