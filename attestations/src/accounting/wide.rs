//! Products of two 128-bit numbers, exact, and their quotients: what lets a ratio of any two figures be taken without
//! an overflow on the way and without a float.

/// `a x b` as high and low half.
pub(crate) const fn product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let (middle_high, middle_low) = (middle >> 64, middle & LOW);
    let middle = a_low * b_high + middle_low;
    (a_high * b_high + middle_high + (middle >> 64), (middle << 64) | (low & LOW))
}

/// `a x b / c` rounded down, with the remainder; `None` for a division by zero or a quotient beyond 128 bits.
fn divide(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    let (high, low) = product(a, b);
    if c == 0 || high >= c {
        return None;
    }
    if high == 0 {
        return Some((low / c, low % c));
    }
    // Long division, bit by bit: the remainder stays below `c`, so its double needs at most one bit more.
    let (mut rest, mut quotient) = (high, 0u128);
    for bit in (0..128).rev() {
        let carry = rest >> 127 == 1;
        rest = (rest << 1) | (low >> bit & 1);
        quotient <<= 1;
        if carry || rest >= c {
            rest = rest.wrapping_sub(c);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

/// `a x b / c`, rounded down.
pub(crate) fn mul_div_floor(a: u128, b: u128, c: u128) -> Option<u128> {
    divide(a, b, c).map(|(quotient, _)| quotient)
}

/// `a x b / c`, rounded up.
pub(crate) fn mul_div_ceil(a: u128, b: u128, c: u128) -> Option<u128> {
    let (quotient, rest) = divide(a, b, c)?;
    if rest == 0 { Some(quotient) } else { quotient.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `high:low + addend`, or `None` beyond 256 bits.
    fn plus((high, low): (u128, u128), addend: u128) -> Option<(u128, u128)> {
        let (low, carry) = low.overflowing_add(addend);
        Some((high.checked_add(u128::from(carry))?, low))
    }

    #[test]
    fn the_largest_product_is_whole() {
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(mul_div_floor(u128::MAX, u128::MAX, u128::MAX), Some(u128::MAX));
        assert_eq!(mul_div_floor(u128::MAX, u128::MAX, u128::MAX - 1), None);
        assert_eq!(mul_div_floor(1, 1, 0), None);
        assert_eq!(mul_div_ceil(u128::MAX, 2, 3), Some(u128::MAX / 3 * 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn quotient_times_divisor_plus_rest_is_the_product(a: u128, b: u128, c in 1u128.., shift in 0u32..128) {
            let c = (c >> shift).max(1);
            match divide(a, b, c) {
                None => prop_assert!(product(a, b).0 >= c),
                Some((quotient, rest)) => {
                    prop_assert!(rest < c);
                    prop_assert_eq!(plus(product(quotient, c), rest), Some(product(a, b)));
                }
            }
        }

        #[test]
        fn small_products_agree_with_the_machine(a: u64, b: u64, c in 1u64..) {
            let (exact, c) = (u128::from(a) * u128::from(b), u128::from(c));
            prop_assert_eq!(mul_div_floor(a.into(), b.into(), c), Some(exact / c));
            prop_assert_eq!(mul_div_ceil(a.into(), b.into(), c), Some(exact.div_ceil(c)));
        }
    }
}
