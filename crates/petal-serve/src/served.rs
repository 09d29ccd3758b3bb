use std::collections::HashSet;
use std::sync::Arc;

use petal::data::Preprocessing;
use petal::model::Model;
use petal::training::Predictor;
use petal::{Error, Result};

/// A model under the name by which requests ask for it.
#[derive(Debug)]
pub struct Served {
    name: String,
    model: Arc<Model>,
    unknown_below: Option<f32>,
    views: usize,
}

impl Served {
    /// The model as `name`.
    ///
    /// # Errors
    /// If the model takes no photos ([`Model::preprocessing`]), has no names for its classes
    /// ([`Model::class_names`]), or the name is empty.
    pub fn new(name: impl Into<String>, model: Model) -> Result<Self> {
        let name = name.into();
        let lacks = |what: &str| Err(Error::Model(format!("'{name}' cannot be served: {what}")));
        if name.is_empty() {
            return lacks("it has no name");
        }
        if model.preprocessing().is_none() {
            return lacks("it doesn't say how photos become its input; set it with Model::set_preprocessing");
        }
        if model.class_names().is_empty() {
            return lacks("its classes have no names; set them with Model::set_class_names");
        }
        Ok(Served { name, model: Arc::new(model), unknown_below: None, views: 1 })
    }

    /// The same, but that photos are answered `unknown` that look less familiar than this:
    /// [`Familiarity::threshold`](petal::calibration::Familiarity::threshold) gives it.
    pub fn unknown_below(self, familiarity: f32) -> Self {
        Served { unknown_below: Some(familiarity), ..self }
    }

    /// The same, but that probabilities are the mean over this many views of each photo:
    /// [`Predictor::views`](petal::training::Predictor::views).
    pub fn views(self, views: usize) -> Self {
        Served { views, ..self }
    }

    /// The model, ready to answer for so many photos at a time.
    pub(crate) fn predictor(&self, batch: usize) -> Result<Predictor> {
        self.model.predictor(batch)?.views(self.views)
    }

    /// Whether a photo that looks so familiar is of none of the classes.
    pub(crate) fn is_unknown(&self, familiarity: f32) -> bool {
        self.unknown_below.is_some_and(|least| familiarity < least)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// How photos become its input.
    pub(crate) fn preprocessing(&self) -> &Preprocessing {
        self.model.preprocessing().expect("checked when it was made")
    }
}

/// Refuses two models of one name, and none at all.
pub(crate) fn check(models: &[Served]) -> Result<()> {
    if models.is_empty() {
        return Err(Error::Model("there is no model to serve; give at least one".into()));
    }
    let mut seen = HashSet::new();
    match models.iter().find(|served| !seen.insert(&served.name)) {
        Some(twice) => Err(Error::Model(format!(
            "two models are to be served as '{}'; give each a name of its own",
            twice.name
        ))),
        None => Ok(()),
    }
}
