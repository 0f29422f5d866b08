//! The workspace's crates and their dependencies, as cargo sees them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Finding;

/// When a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the crate itself, or to build it.
    Normal,
    /// By its tests and benchmarks only.
    Dev,
}

/// One line of a manifest's dependencies.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The crate depended on, under its own name.
    pub name: String,
    /// When it is needed.
    pub kind: Kind,
    /// Whether it is a crate of this repository.
    pub is_ours: bool,
}

/// A crate of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the repository's root.
    pub folder: String,
    /// Its Cargo.toml's text.
    pub manifest: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// Whether it is a benchmark or a test crate: nothing depends on those, and they may on anything.
    pub fn is_bench_or_test(&self) -> bool {
        self.folder.starts_with("bench/") || self.folder.starts_with("tests/")
    }

    /// A finding at the manifest's line that names a dependency; at its first line if none does.
    pub fn finding(&self, dependency: &str, problem: impl Into<String>) -> Finding {
        let names = |line: &str| {
            let line = line.trim_start();
            let key = line.strip_prefix(dependency).map(str::trim_start);
            key.is_some_and(|rest| rest.starts_with(['.', '=']))
                || line.starts_with('[') && line.contains(&format!("dependencies.{dependency}]"))
                || line.contains(&format!("package = \"{dependency}\""))
        };
        let line = self.manifest.lines().position(names).unwrap_or(0) + 1;
        Finding::new(&format!("{}/Cargo.toml", self.folder), line, problem)
    }
}

/// Asks cargo for the workspace's crates. Needs no network and resolves nothing.
///
/// # Panics
///
/// When cargo fails: a manifest is broken.
pub fn packages(root: &Path) -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()
        .expect("cargo runs: it runs this test");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let root = text(&metadata["workspace_root"]);
    list(&metadata["packages"]).iter().map(|package| read_package(package, &root)).collect()
}

fn read_package(package: &Value, root: &str) -> Package {
    let path = text(&package["manifest_path"]);
    let folder = Path::new(&path)
        .parent()
        .and_then(|folder| folder.strip_prefix(root).ok())
        .and_then(Path::to_str)
        .expect("a member's manifest lies below the workspace's root")
        .replace('\\', "/");
    let manifest = fs::read_to_string(&path).expect("cargo has just read this manifest");
    let dependencies = list(&package["dependencies"]).iter().map(read_dependency).collect();
    Package { name: text(&package["name"]), folder, manifest, dependencies }
}

fn read_dependency(dependency: &Value) -> Dependency {
    let kind = if dependency["kind"] == "dev" { Kind::Dev } else { Kind::Normal };
    Dependency { name: text(&dependency["name"]), kind, is_ours: dependency["path"].is_string() }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string, by cargo's metadata format 1").to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("an array, by cargo's metadata format 1")
}
