//! PostgreSQL's `numeric`: digits to the base of 10,000, a weight, a sign, and how many decimals are shown.

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEG_INFINITY: u16 = 0xf000;

/// The number in decimal, with as many decimals as it shows; `None` for what is no `numeric`.
pub(super) fn text_of(cell: &[u8]) -> Option<String> {
    let (words, rest) = cell.as_chunks::<2>();
    let words: Vec<u16> = words.iter().map(|word| u16::from_be_bytes(*word)).collect();
    let [count, weight, sign, scale, digits @ ..] = words.as_slice() else { return None };
    if !rest.is_empty() || digits.len() != usize::from(*count) || digits.iter().any(|digit| *digit > 9999) {
        return None;
    }
    let weight = i32::from(weight.cast_signed());
    let scale = usize::from(*scale);
    let mut text = String::with_capacity(digits.len() * 4 + scale + 8);
    match *sign {
        0 => {}
        NEGATIVE => text.push('-'),
        NAN => return Some("NaN".into()),
        INFINITY => return Some("Infinity".into()),
        NEG_INFINITY => return Some("-Infinity".into()),
        _ => return None,
    }
    // The digit of this weight; those that are not written are zero.
    let digit = |at: i32| usize::try_from(weight - at).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0);
    if weight < 0 {
        text.push('0');
    }
    for at in (0..=weight).rev() {
        match at == weight {
            true => text.push_str(&digit(at).to_string()),
            false => text.push_str(&format!("{:04}", digit(at))),
        }
    }
    if scale > 0 {
        text.push('.');
        let start = text.len();
        let mut at = -1;
        while text.len() - start < scale {
            text.push_str(&format!("{:04}", digit(at)));
            at -= 1;
        }
        text.truncate(start + scale);
    }
    Some(text)
}

/// The binary form of a number in canonical form; `None` for one that PostgreSQL cannot hold.
pub(super) fn binary_of(text: &str) -> Option<Vec<u8>> {
    let special = |sign: u16| Some([0, 0, sign, 0].iter().flat_map(|word| word.to_be_bytes()).collect());
    match text {
        "NaN" => return special(NAN),
        "Infinity" => return special(INFINITY),
        "-Infinity" => return special(NEG_INFINITY),
        _ => {}
    }
    let (sign, text) = text.strip_prefix('-').map_or((0, text), |text| (NEGATIVE, text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale = u16::try_from(fraction.len()).ok().filter(|scale| *scale <= 16_383)?;
    // Cut in groups of four on both sides of the point.
    let lead = whole.len().next_multiple_of(4) - whole.len();
    let padded = "0".repeat(lead) + whole + fraction + &"0".repeat(fraction.len().next_multiple_of(4) - fraction.len());
    let mut digits = Vec::with_capacity(padded.len() / 4);
    for group in padded.as_bytes().chunks(4) {
        digits.push(
            group
                .iter()
                .try_fold(0_u16, |digit, byte| byte.is_ascii_digit().then(|| digit * 10 + u16::from(byte - b'0')))?,
        );
    }
    let mut weight = i16::try_from((lead + whole.len()) / 4).ok()? - 1;
    let first = digits.iter().position(|digit| *digit != 0);
    let digits = match first {
        None => {
            weight = 0;
            &[][..]
        }
        Some(first) => {
            weight -= i16::try_from(first).ok()?;
            let last = digits.iter().rposition(|digit| *digit != 0).unwrap_or(first);
            &digits[first..=last]
        }
    };
    let mut cell = Vec::with_capacity(8 + digits.len() * 2);
    for word in [u16::try_from(digits.len()).ok()?, weight.cast_unsigned(), sign, scale] {
        cell.extend_from_slice(&word.to_be_bytes());
    }
    for digit in digits {
        cell.extend_from_slice(&digit.to_be_bytes());
    }
    Some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back_digit_by_digit() {
        let long = format!("{}.{}", "9".repeat(5000), "1".repeat(5000));
        let texts = [
            "0",
            "0.00",
            "1",
            "10000",
            "9999",
            "-9999.9999",
            "0.1",
            "0.0001",
            "0.00001",
            "-0.000000000000000000000000000001",
            "12345678901234567890.123456789012345678901234567890",
            "1.10",
            "100000000",
            "NaN",
            "Infinity",
            "-Infinity",
            &long,
        ];
        for text in texts {
            let cell = binary_of(text).expect("a numeric can hold it");
            assert_eq!(text_of(&cell).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_numeric_is_refused() {
        for cell in [
            &[][..],
            &[0; 7],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10],
            &[0, 0, 0, 0, 1, 0, 0, 0],
        ] {
            assert_eq!(text_of(cell), None, "{cell:?}");
        }
        assert_eq!(binary_of("1x"), None);
        assert_eq!(binary_of(&format!("0.{}", "1".repeat(20_000))), None);
    }
}
