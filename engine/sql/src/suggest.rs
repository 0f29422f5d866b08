//! "Did you mean": the nearest of the names that are there.

/// Names longer than this are not compared.
const NAME_CHARS_MAX: usize = 64;

/// A hint that names the candidate nearest to `name`, if one is near: at most a third of its letters differ,
/// or one of several. Of equals the first. Cost: the product of both lengths, for each candidate.
pub fn did_you_mean<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let name: Vec<char> = folded(name);
    if name.len() > NAME_CHARS_MAX {
        return None;
    }
    let allowed = (name.len() / 3).max(1);
    let nearest = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= NAME_CHARS_MAX * 4)
        .filter(|candidate| candidate.chars().count().abs_diff(name.len()) <= allowed)
        .map(|candidate| (distance(&name, &folded(candidate)), candidate))
        .min_by_key(|&(distance, _)| distance);
    match nearest {
        Some((distance, candidate)) if distance <= allowed && distance < name.len() => {
            Some(format!("did you mean '{candidate}'?"))
        }
        _ => None,
    }
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Least number of letters to insert, delete, replace, or swap with a neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != y);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && y == a[i - 1] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, distance};

    #[test]
    fn distances() {
        let of = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("placement", "plcement", 1),
            ("placement", "palcement", 1),
            ("kitten", "sitting", 3),
            ("ñandú", "nandu", 2),
        ] {
            assert_eq!((of(a, b), of(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["placement", "domain", "ts"];
        assert_eq!(did_you_mean("plcement", names).as_deref(), Some("did you mean 'placement'?"));
        assert_eq!(did_you_mean("Domain", names).as_deref(), Some("did you mean 'domain'?"));
        assert_eq!(did_you_mean("price", names), None);
        assert_eq!(did_you_mean("b", ["a"]), None);
    }
}
