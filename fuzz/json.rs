//! Changes of what a JSON text says. libFuzzer's own, of bytes, seldom leave one that can be read.

use serde_json::{Value, json};

/// The text with up to three values in it changed; none if it is no JSON.
pub fn changed(text: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    let mut random = Random(seed.into());
    for _ in 0..=random.below(3) {
        change(&mut value, &mut random);
    }
    serde_json::to_vec(&value).ok()
}

fn change(root: &mut Value, random: &mut Random) {
    let mut places = Vec::new();
    collect(root, String::new(), &mut places);
    let [place, other] = [(); 2].map(|()| &places[random.below(places.len())]);
    let other = root.pointer(other).cloned().unwrap_or_default();
    let Some(value) = root.pointer_mut(place) else { return };
    match (random.below(8), &mut *value) {
        (0, Value::Array(values)) if !values.is_empty() => drop(values.remove(random.below(values.len()))),
        (0, Value::Object(values)) if !values.is_empty() => {
            let key = values.keys().nth(random.below(values.len())).cloned().unwrap_or_default();
            values.shift_remove(&key);
        }
        (1, Value::Array(values)) if !values.is_empty() => {
            let again = values[random.below(values.len())].clone();
            values.insert(random.below(values.len() + 1), again);
        }
        (2 | 3, _) => *value = other,
        (_, Value::Number(number)) => {
            let number = number.as_f64().unwrap_or_default();
            let near = [number + 1.0, number - 1.0, number * 2.0];
            let numbers = [&near[..], &[0.0, 1.0, 2.0, 3.0, 7.0, -1.0, 4096.0, 1e-30, 1e30]].concat();
            *value = match numbers[random.below(numbers.len())] {
                whole if whole.fract() == 0.0 && whole.abs() < 1e15 => json!(whole as i64),
                number => json!(number),
            };
        }
        (_, Value::Bool(yes)) => *yes = !*yes,
        (4, _) => {
            // As text, which is shorter than an array of values.
            const VALUES: &str = r#"[null, [], {}, "", true, 0, 0.5, 2147483648, 18446744073709551615, [3, 3], [0, 0],
                "same", "valid", "relu", "softmax"]"#;
            let values: Vec<Value> = serde_json::from_str(VALUES).expect("it is JSON");
            *value = values[random.below(values.len())].clone();
        }
        _ => {}
    }
}

/// The JSON pointers of all values below and of this one.
fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| collect(value, format!("{at}/{i}"), places));
        }
        Value::Object(values) => {
            for (key, value) in values {
                collect(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        _ => {}
    }
    places.push(at);
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }
}
