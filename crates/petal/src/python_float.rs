//! Floating-point numbers as Python writes them, for texts that Keras' users know and read back.

/// `repr(value)`: the fewest digits that read back as the same number, `1.0`, `1e-05`, `nan`.
pub(crate) fn repr(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a whole exponent");
    if (-4..16).contains(&exponent) {
        format!("{value:?}")
    } else {
        format!("{mantissa}e{}", signed(exponent))
    }
}

/// `f"{value:.{digits}f}"`.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}") } else { not_finite(value) }
}

/// `f"{value:.{digits}e}"`, whose exponent has a sign and two digits.
pub(crate) fn scientific(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').expect("`{:e}` writes an exponent");
    format!("{mantissa}e{}", signed(exponent.parse().expect("`{:e}` writes a whole exponent")))
}

fn signed(exponent: i32) -> String {
    format!("{exponent:+03}")
}

fn not_finite(value: f64) -> String {
    let text = match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "nan",
    };
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_python_does() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::from(1e-4_f32), "9.999999747378752e-05"),
            (1e15, "1000000000000000.0"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e16, "1e+16"),
            (-2.5e-300, "-2.5e-300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(repr(value), text);
        }
        assert_eq!(fixed(2.5, 0), "2");
        assert_eq!(fixed(f64::NAN, 2), "nan");
        assert_eq!(scientific(0.000123456, 4), "1.2346e-04");
        assert_eq!(scientific(0.0, 1), "0.0e+00");
    }
}
