//! Configurations that cannot be served: one clear sentence, exit 78, nothing started.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::support::{Engine, root, stderr, vencejo};

fn serve(app: &Path, arguments: &[&str]) -> Output {
    let data = TempDir::new().unwrap();
    let mut command = vencejo();
    command.args(["serve", "--app"]).arg(app);
    if !arguments.contains(&"--quic") {
        command.args(["--quic", "127.0.0.1:0"]);
    }
    if !arguments.contains(&"--data") {
        command.arg("--data").arg(data.path());
    }
    command.args(arguments).output().unwrap()
}

/// A copy of apps/ads whose model file has these bytes (none: no file), and whose SQL is edited.
fn ads_with(model: Option<&[u8]>, edit: impl Fn(String) -> String) -> TempDir {
    let folder = TempDir::new().unwrap();
    let sql = std::fs::read_to_string(root().join("apps/ads/app.sql")).unwrap();
    std::fs::write(folder.path().join("app.sql"), edit(sql)).unwrap();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    if let Some(model) = model {
        std::fs::write(folder.path().join("models/yield.ubj"), model).unwrap();
    }
    folder
}

/// The line of an app's SQL that has this text.
fn line_of(app: &Path, text: &str) -> usize {
    let sql = std::fs::read_to_string(app.join("app.sql")).unwrap();
    1 + sql.lines().position(|line| line.contains(text)).unwrap()
}

#[track_caller]
fn expect(output: &Output, exit: i32, text: &str) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(exit), "{error}");
    assert!(error.contains(text), "no '{text}' in: {error}");
    assert!(!error.contains("panicked"), "{error}");
    assert!(output.stdout.is_empty(), "nothing is ready");
}

#[test]
fn an_app_that_is_not_there() {
    expect(&serve(Path::new("no/such/app"), &[]), 78, "the app folder no/such/app cannot be read");
    let empty = TempDir::new().unwrap();
    expect(&serve(empty.path(), &[]), 78, "app.sql cannot be read");
}

#[test]
fn memory_that_is_not_there_or_no_size() {
    let ads = root().join("apps/ads");
    expect(&serve(&ads, &["--memory-reserve", "1000TB"]), 78, "of memory, and this machine has");
    expect(&serve(&ads, &["--memory-reserve", "4"]), 2, "give a size as 500MB or 4GB");
}

#[test]
fn an_app_that_is_wrong_has_all_its_errors_listed_with_their_places() {
    let app = ads_with(None, |sql| {
        sql.replace("ELSE cpm END", "ELSE cpmm END")
            .replace("country_tier             INT", "country_tier INTT")
    });
    let output = serve(app.path(), &[]);
    let line = line_of(app.path(), "country_tier INTT");
    expect(&output, 78, &format!("app.sql:{line}:18: unknown type INTT"));
    let error = stderr(&output);
    for other in ["did you mean 'INT'?", "yield.ubj cannot be read", "unknown column 'cpmm'", "has 3 errors"]
    {
        assert!(error.contains(other), "no '{other}' in: {error}");
    }
    expect(&serve(ads_with(None, |_| String::new()).path(), &[]), 78, "app.sql");
    expect(&serve(ads_with(None, |_| "\u{0}\u{1}garbage".to_owned()).path(), &[]), 78, "app.sql:1:");
}

#[test]
fn a_model_file_that_is_absent_cut_short_or_none() {
    let whole = std::fs::read(root().join("apps/ads/models/yield.ubj")).unwrap();
    let unchanged = |sql: String| sql;
    expect(&serve(ads_with(None, unchanged).path(), &[]), 78, "yield.ubj cannot be read");
    for model in [&whole[..whole.len() / 2], b"", b"not a model at all", b"{}", b"{\"a\":[1,2,3]}"] {
        let output = serve(ads_with(Some(model), unchanged).path(), &[]);
        expect(&output, 78, "app.sql has 1 error");
    }
    let escaping = |sql: String| sql.replace("models/yield.ubj", "../../../../etc/hostname");
    expect(&serve(ads_with(Some(&whole), escaping).path(), &[]), 78, "must lead from the app's folder");
}

#[test]
fn a_model_whose_features_are_not_the_declared_inputs() {
    let whole = std::fs::read(root().join("apps/ads/models/yield.ubj")).unwrap();
    let fewer = |sql: String| {
        let declared = "is_prime_time";
        let model = sql.find("CREATE MODEL").unwrap();
        let from = sql[..model + sql[model..].find(declared).unwrap()].rfind(',').unwrap();
        let to = from + sql[from..].find(')').unwrap();
        [&sql[..from], &sql[to..]].concat()
    };
    let app = ads_with(Some(&whole), fewer);
    let output = serve(app.path(), &[]);
    let line = line_of(app.path(), "INPUT (");
    let expected = format!("app.sql:{line}:7: 'models/yield.ubj': INPUT names 9, the model has 10 features");
    expect(&output, 78, &expected);
    assert!(stderr(&output).contains("is_prime_time"), "its features are listed: {}", stderr(&output));
    let other = std::fs::read(root().join("engine/model/testdata/formats/xgboost-gamma.ubj")).unwrap();
    expect(&serve(ads_with(Some(&other), |sql| sql).path(), &[]), 78, "has 5 features");
}

#[test]
fn a_data_folder_that_cannot_be_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data");
    let output = serve(Path::new("apps/ads"), &["--data", below.to_str().unwrap()]);
    expect(&output, 78, "cannot be used: ");
}

#[test]
fn a_certificate_that_is_no_certificate() {
    let data = TempDir::new().unwrap();
    std::fs::create_dir(data.path().join("tls")).unwrap();
    for file in ["dev-certificate.pem", "dev-key.pem"] {
        std::fs::write(data.path().join("tls").join(file), "garbage").unwrap();
    }
    let output = serve(Path::new("apps/ads"), &["--data", data.path().to_str().unwrap()]);
    expect(&output, 78, "remove it to have a new one made");
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    expect(&serve(Path::new("apps/ads"), &["--quic", "0.0.0.0:0"]), 78, "--allow-unauthenticated");
}

#[test]
fn an_address_that_is_taken() {
    let engine = Engine::start();
    let output = serve(Path::new("apps/ads"), &["--quic", &engine.connect()]);
    expect(&output, 1, &format!("cannot listen on {} (UDP)", engine.address));
}

#[test]
fn wrong_usage_is_exit_2() {
    for arguments in [&["serve"][..], &["serve", "--app", "apps/ads", "--partitions", "0"], &["fly"], &[]] {
        assert_eq!(vencejo().args(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}
