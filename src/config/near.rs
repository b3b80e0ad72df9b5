//! Names that a mistyped one can have meant.

/// A shorter beginning is one of too much.
const SHORTEST_BEGINNING: usize = 3;

/// The candidates within about a third of the name's length in edits, nearest first, three at most; without any, those
/// that the name is the beginning of.
pub(super) fn near<'n>(name: &str, candidates: impl Iterator<Item = &'n str> + Clone) -> Vec<&'n str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let lower = name.to_lowercase();
    let mut found: Vec<(usize, &str)> = candidates
        .clone()
        .map(|candidate| (distance(&lower, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort();
    found.dedup();
    if found.is_empty() && lower.len() >= SHORTEST_BEGINNING {
        let longer = candidates.filter(|candidate| candidate.starts_with(&*lower));
        return longer.take(3).collect();
    }
    found.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Edits between two words: insertions, deletions, replacements, and neighbours swapped.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Names of options are short; anything else is no misspelling of one.
    if a.len().abs_diff(b.len()) > 3 || a.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in
            [("", "", 0), ("pool", "pool", 0), ("pol", "pool", 1), ("polo", "pool", 1), ("ab", "cd", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_comes_first_and_the_far_not_at_all() {
        let names = ["pool_size", "pool_recycle", "echo", "echo_pool"];
        assert_eq!(near("pool_szie", names.into_iter()), ["pool_size"]);
        assert_eq!(near("ECHO_POL", names.into_iter()), ["echo_pool"]);
        assert_eq!(near("pool", names.into_iter()), ["pool_size", "pool_recycle"]);
        assert!(near("bogus", names.into_iter()).is_empty());
    }
}
