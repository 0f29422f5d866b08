//! Names in messages.

/// Names with commas between; "none" where there is none.
pub fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// `; did you mean 'x'?`, where one of the names is near.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let most = name.chars().count() / 3 + 1;
    let near = names.map(|known| (distance(name, known), known)).filter(|&(distance, _)| distance <= most);
    near.min().map_or_else(String::new, |(_, known)| format!("; did you mean '{known}'?"))
}

/// Edits of one character that lead from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (place, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (index, &b) in b.iter().enumerate() {
            let edited = if a == b { diagonal } else { 1 + diagonal.min(row[index]).min(row[index + 1]) };
            diagonal = std::mem::replace(&mut row[index + 1], edited);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let names = ["events", "orders"];
        assert_eq!(nearest("evnets", names.into_iter()), "; did you mean 'events'?");
        assert_eq!(nearest("x", names.into_iter()), "");
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("abc", "bc")), (3, 0, 1));
    }
}
