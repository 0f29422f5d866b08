//! A report's section in a file that holds several: replaced where it stands, the rest left alone.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Writes a section into a file, which is made where there is none.
pub fn write(path: &Path, name: &str, section: &str) -> Result<(), String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => "# Reports\n".to_owned(),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let text = replaced(&text, name, section).map_err(|reason| format!("{}: {reason}", path.display()))?;
    fs::write(path, text)
        .map_err(|error| format!("the report cannot be written to {}: {error}", path.display()))
}

/// `text` with the section between its two markers, at the end where it has none.
fn replaced(text: &str, name: &str, section: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- begin {name} -->"), format!("<!-- end {name} -->"));
    let section = format!("{begin}\n{}\n{end}", section.trim_end());
    match (text.find(&begin), text.find(&end)) {
        (None, None) => Ok(format!("{}\n\n{section}\n", text.trim_end())),
        (Some(from), Some(to)) if from < to => {
            Ok(format!("{}{section}{}", &text[..from], &text[to + end.len()..]))
        }
        _ => Err(format!("one of the lines '{begin}' and '{end}' is missing or they are reversed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let text = "# R\n\n<!-- begin a -->\nold\n<!-- end a -->\n\n<!-- begin b -->\nb\n<!-- end b -->\n";
        let found = replaced(text, "a", "new\n\n").expect("both markers are there");
        assert_eq!(found, text.replace("old", "new"));
    }

    #[test]
    fn a_new_section_stands_at_the_end() {
        let found = replaced("# R\n", "a", "new\n").expect("no marker is there");
        assert_eq!(found, "# R\n\n<!-- begin a -->\nnew\n<!-- end a -->\n");
        assert_eq!(replaced(&found, "a", "new").as_deref(), Ok(found.as_str()), "twice is once");
    }

    #[test]
    fn a_lonely_marker_is_refused() {
        for text in ["<!-- begin a -->\n", "<!-- end a -->\n", "<!-- end a -->\n<!-- begin a -->\n"] {
            let error = replaced(text, "a", "new").expect_err("a marker is missing or reversed");
            assert!(error.contains("<!-- begin a -->"), "{error}");
        }
    }
}
