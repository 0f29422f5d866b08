//! A section of a report that other commands write other sections of.

use std::path::Path;

/// Writes a section to a file: in the place of what stands between its marks, else behind what is there.
pub fn write(path: &Path, name: &str, text: &str) -> Result<(), String> {
    let before = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?,
    };
    std::fs::write(path, replace(&before, name, text))
        .map_err(|error| format!("the report cannot be written to {}: {error}", path.display()))
}

fn replace(report: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->"), format!("<!-- end {name} -->"));
    let section = format!("{begin}\n{}\n{end}", text.trim_end());
    let old = report.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    match old {
        Some((head, tail)) => format!("{head}{section}{tail}"),
        None if report.is_empty() => format!("{section}\n"),
        None => format!("{}\n\n{section}\n", report.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_its_place_and_leaves_the_others() {
        let report = replace("# Reports\n", "a", "one\n");
        assert_eq!(report, "# Reports\n\n<!-- begin a -->\none\n<!-- end a -->\n");
        let report = replace(&report, "b", "two");
        let report = replace(&report, "a", "three");
        let expected =
            "# Reports\n\n<!-- begin a -->\nthree\n<!-- end a -->\n\n<!-- begin b -->\ntwo\n<!-- end b -->\n";
        assert_eq!(report, expected);
        assert_eq!(replace("", "a", "x"), "<!-- begin a -->\nx\n<!-- end a -->\n");
    }
}
