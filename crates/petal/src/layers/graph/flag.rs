use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether a layer trains. Clones are one flag: a model and the layer that it became in another say the same, as in
/// Keras, where both are one object.
#[derive(Clone, Debug)]
pub(super) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub fn new(value: bool) -> Self {
        Flag(Arc::new(AtomicBool::new(value)))
    }

    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, value: bool) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// A flag of its own, of the same value.
    pub fn detached(&self) -> Self {
        Flag::new(self.get())
    }
}

impl PartialEq for Flag {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Flag::new)
    }
}
