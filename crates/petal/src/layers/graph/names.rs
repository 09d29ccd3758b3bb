//! Keras' automatic names: the class in snake case, `_1`, `_2`… from the second on.

/// `Conv2D` → `conv2d`, `ReLU` → `re_lu`, `GlobalAveragePooling2D` → `global_average_pooling2d`.
pub(crate) fn snake_case(class_name: &str) -> String {
    let chars: Vec<char> = class_name.chars().collect();
    let mut snake = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let starts_word = chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if i > 0 && c.is_ascii_uppercase() && (starts_word || chars[i - 1].is_ascii_lowercase()) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// `base`, `base_1`, `base_2`…
pub(crate) fn numbered(base: &str, index: usize) -> String {
    if index == 0 { base.to_owned() } else { format!("{base}_{index}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_keras() {
        for (class_name, name) in [
            ("Conv2D", "conv2d"),
            ("ReLU", "re_lu"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("DepthwiseConv2D", "depthwise_conv2d"),
            ("SeparableConv2D", "separable_conv2d"),
            ("ZeroPadding2D", "zero_padding2d"),
            ("BatchNormalization", "batch_normalization"),
            ("SpatialDropout2D", "spatial_dropout2d"),
            ("InputLayer", "input_layer"),
            ("TrueDivide", "true_divide"),
        ] {
            assert_eq!(snake_case(class_name), name);
        }
    }
}
