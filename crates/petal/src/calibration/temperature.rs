use ndarray::ArrayD;

/// Temperatures that a model may need; beyond them the data says nothing.
const LOWEST: f64 = 0.05;
const HIGHEST: f64 = 20.0;

/// The temperature that makes the mean cross-entropy of logits `[samples, classes]`, or `[samples, 1]` of the second
/// class's, least; 1 if there is none in bounds.
///
/// In the inverse temperature the cross-entropy is convex, so its slope rises, and is halved to where it is 0.
pub(super) fn fit(outputs: &ArrayD<f32>, labels: &[usize]) -> f32 {
    let width = outputs.shape()[1];
    let rows: Vec<Vec<f64>> = outputs
        .rows()
        .into_iter()
        .map(|row| {
            // A single output is a logit beside one of 0.
            let zero = (width == 1).then_some(0.0);
            zero.into_iter().chain(row.iter().map(|&z| f64::from(z))).collect()
        })
        .collect();
    let slope = |inverse: f64| {
        rows.iter().zip(labels).map(|(row, &label)| mean(row, inverse) - row[label]).sum::<f64>()
    };
    let (mut low, mut high) = (1.0 / HIGHEST, 1.0 / LOWEST);
    if !(slope(low) < 0.0 && slope(high) > 0.0) {
        return 1.0;
    }
    // As many as an f32 has bits to tell apart, and some.
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    (1.0 / f64::midpoint(low, high)) as f32
}

/// The mean of logits by the probabilities that they have at this inverse temperature.
fn mean(row: &[f64], inverse: f64) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut total) = (0.0, 0.0);
    for &z in row {
        let weight = (inverse * (z - largest)).exp();
        sum += weight * z;
        total += weight;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::fit;

    #[test]
    fn the_share_of_right_answers_becomes_the_probability() {
        // sigmoid(4 / T) = 3/4
        let logits = array![[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]].into_dyn();
        let expected = 4.0 / 3.0_f32.ln();
        assert!((fit(&logits, &[0, 0, 1, 0]) - expected).abs() < 1e-5);
        let single = array![[-4.0], [-4.0], [4.0], [4.0]].into_dyn();
        assert!((fit(&single, &[0, 0, 1, 0]) - expected).abs() < 1e-5);
    }

    #[test]
    fn where_no_temperature_is_the_best_it_stays_1() {
        let logits = array![[2.0, 0.0], [0.0, 2.0]].into_dyn();
        assert_eq!(fit(&logits, &[0, 1]), 1.0, "all right");
        assert_eq!(fit(&logits, &[1, 0]), 1.0, "all wrong");
        assert_eq!(fit(&array![[0.0, 0.0]].into_dyn(), &[1]), 1.0, "all the same");
    }
}
