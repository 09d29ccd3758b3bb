use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The classes by name with a photo's probabilities, the most probable first.
///
/// In JSON, as `petal predict --json` prints it:
///
/// ```
/// use petal::training::RankedClasses;
/// let class_names = ["daisy", "roses"].map(String::from);
/// let ranked = RankedClasses::new(&class_names, [0.25, 0.75]);
/// assert_eq!((ranked.class(), ranked.probability()), ("roses", 0.75));
/// let json = serde_json::to_string(&ranked).unwrap();
/// assert_eq!(json, r#"{"class":"roses","probability":0.75,"probabilities":{"roses":0.75,"daisy":0.25}}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RankedClasses<'a> {
    classes: Vec<(&'a str, f32)>,
    unknown: bool,
}

/// What a photo is answered that looks like none of the classes.
const UNKNOWN: &str = "unknown";

impl<'a> RankedClasses<'a> {
    /// Ranks `probabilities`, one for each of the names in their order: a row of
    /// [`Model::predict_probabilities`](crate::model::Model::predict_probabilities) or
    /// [`Predictor::probabilities`](super::Predictor::probabilities). Equal ones stay in the order of the names.
    pub fn new(class_names: &'a [String], probabilities: impl IntoIterator<Item = f32>) -> Self {
        let mut classes: Vec<(&str, f32)> =
            class_names.iter().map(String::as_str).zip(probabilities).collect();
        classes.sort_by(|a, b| b.1.total_cmp(&a.1));
        RankedClasses { classes, unknown: false }
    }

    /// The same, but that the answer is `unknown` if so: the photo looks like none of the classes. Which it would be most
    /// likely, and how likely if it were one, stays.
    ///
    /// ```
    /// use petal::training::RankedClasses;
    /// let class_names = ["daisy", "roses"].map(String::from);
    /// let ranked = RankedClasses::new(&class_names, [0.25, 0.75]).unknown_if(true);
    /// assert_eq!((ranked.class(), ranked.most_probable()), ("unknown", "roses"));
    /// ```
    pub fn unknown_if(self, unknown: bool) -> Self {
        RankedClasses { unknown, ..self }
    }

    /// The most probable class; empty where there is none.
    pub fn most_probable(&self) -> &'a str {
        self.classes.first().map_or("", |(class, _)| class)
    }

    /// The answer: the most probable class, or `unknown`.
    pub fn class(&self) -> &'a str {
        if self.unknown { UNKNOWN } else { self.most_probable() }
    }

    /// The probability of the most probable class, in 0..=1.
    pub fn probability(&self) -> f32 {
        self.classes.first().map_or(0.0, |(_, probability)| *probability)
    }

    /// The first `count` of them alone.
    pub fn top(mut self, count: usize) -> Self {
        self.classes.truncate(count);
        self
    }

    /// The classes with their probabilities.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, f32)> + '_ {
        self.classes.iter().copied()
    }
}

impl Serialize for RankedClasses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("RankedClasses", 3)?;
        fields.serialize_field("class", self.class())?;
        fields.serialize_field("probability", &self.probability())?;
        fields.serialize_field("probabilities", &InOrder(&self.classes))?;
        fields.end()
    }
}

/// As a map, whose order says which class is more probable.
struct InOrder<'a>(&'a [(&'a str, f32)]);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}
