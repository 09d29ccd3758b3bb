//! `exp` without a call or a branch, so that the compiler makes vector instructions of a loop over it: the standard
//! library's is a call for each number, which took more time in networks with SiLU than all their products.

/// `ln 2` in two parts; the product of the first with a whole number up to 2¹⁵ is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `(exp(r) - 1 - r) / r²` for `|r| <= ln(2) / 2`, the highest power first: those of Cephes' `expf` (Moshier 1989).
const COEFFICIENTS: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// `exp(x)`, by less than two units in the last place off; of what is as small as to have no full precision, by less
/// than two of the smallest number. The same bits in any vector.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond these bounds it is zero and infinite.
    let x = x.clamp(-104.0, 89.0);
    // So large a number has no room for fractions, and its last bits count.
    const WHOLE: f32 = 12_582_912.0;
    let whole = x * std::f32::consts::LOG2_E + WHOLE;
    let n = whole - WHOLE;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let mut sum = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        sum = sum * r + coefficient;
    }
    let mantissa = sum * r * r + r + 1.0;
    // 2ⁿ is beyond the numbers' range where the result need not be; its halves are not.
    let n = (whole.to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32);
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    mantissa * power(n >> 1) * power(n.wrapping_sub(n >> 1))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn it_is_the_exponential_function() {
        let numbers = (-104_000..88_722).map(|i| i as f32 * 1e-3 + 1e-4);
        for x in numbers.chain([0.0, -0.0, 1e-30, -1e-30, 88.722_8, -87.4, 0.346_573_6]) {
            let (found, exact) = (exp(x), f64::from(x).exp());
            let unit = f64::from((exact as f32).max(f32::MIN_POSITIVE)) * f64::from(f32::EPSILON);
            assert!((f64::from(found) - exact).abs() < 2.0 * unit, "{x}: {found}, not {exact}");
        }
        assert_eq!([exp(0.0), exp(f32::INFINITY), exp(f32::NEG_INFINITY)], [1.0, f32::INFINITY, 0.0]);
        assert_eq!([exp(89.0), exp(1e30), exp(-105.0)], [f32::INFINITY, f32::INFINITY, 0.0]);
        assert!(exp(f32::NAN).is_nan());
    }
}
