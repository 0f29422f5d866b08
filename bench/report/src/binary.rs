//! Finds the program to measure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const PACKAGE: &str = "vencejo";

/// Builds the workspace's release program, which does nothing where it is up to date, and tells where it
/// is.
pub fn build(root: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--release", "-p", PACKAGE, "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo cannot be run ({error}); pass --vencejo PATH"))?;
    if !built.status.success() {
        return Err(format!("cargo cannot build the package {PACKAGE}; pass --vencejo PATH"));
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    executable(&messages).ok_or_else(|| format!("cargo names no program of the package {PACKAGE}"))
}

/// The program that cargo's messages, one JSON object per line, name.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["target"]["name"] == PACKAGE && message["target"]["kind"][0] == "bin")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = concat!(
            "not json\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"vencejo"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"vencejo"},"executable":"/t/vencejo"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/t/vencejo")));
        assert_eq!(executable("{}"), None);
    }
}
