//! The fleet app over its sample.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::support::{json_lines, root, stderr, vencejo};

#[test]
fn the_sample_is_what_its_command_makes() {
    let folder = TempDir::new().unwrap();
    let arguments = ["gen", "fleet", "--vehicles=4", "--hours=3", "--start=2025-09-01T06:00", "--seed=24"];
    let made = vencejo().args(arguments).arg("--streams").arg(folder.path()).output().unwrap();
    assert!(made.status.success() && made.stdout.is_empty(), "{}", stderr(&made));
    for file in ["telemetry.csv", "emergency.csv"] {
        let sample = std::fs::read(root().join("apps/fleet/samples").join(file)).unwrap();
        assert!(sample == std::fs::read(folder.path().join(file)).unwrap(), "{file}");
    }
}

#[test]
fn the_sample_raises_alerts_of_five_rules() {
    let telemetry = "telemetry=apps/fleet/samples/telemetry.csv";
    let emergency = "emergency=apps/fleet/samples/emergency.csv";
    let ran = vencejo().args(["run", "apps/fleet", "--input", telemetry, "--input", emergency]).output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
    let mut alerts: BTreeMap<String, usize> = BTreeMap::new();
    for line in json_lines(&ran.stdout).iter().filter(|line| line["alert"].is_object()) {
        *alerts.entry(line["output"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected =
        [("harsh_braking", 1), ("panic", 1), ("route_deviation", 1), ("silence", 2), ("speeding", 1)];
    assert_eq!(alerts, expected.into_iter().map(|(rule, count)| (rule.to_owned(), count)).collect());
}
