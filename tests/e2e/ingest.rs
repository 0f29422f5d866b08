//! Events through the client: acknowledged, counted, refused.

use std::time::Duration;

use vencejo_client::protocol::error::ErrorCode;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::{AckLevel, DecisionCode, Row};

use crate::support::{Engine, block_on, row, stderr, stream, vencejo};

fn batch(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    rows.iter().for_each(|row| Ingest::push_row(&mut bytes, row));
    bytes
}

#[test]
fn outcomes_and_decisions_are_data_points_of_their_placement() {
    let engine = Engine::start();
    block_on(async {
        let client = engine.client().await;
        let welcome = client.welcome();
        let (outcomes, schema) = stream(&welcome, "outcomes");
        let (_, requests) = stream(&welcome, "bid_requests");
        let floor = welcome.decisions[0].clone();
        let points_at = floor.answer.position("data_points").unwrap();
        let decide = async |placement: &str| {
            let decided = client.decide(floor.id, &row(&requests, placement), Duration::from_secs(1)).await;
            let decided = decided.unwrap();
            let answer = Row::parse(&floor.answer, &decided.row).unwrap();
            (decided.code, answer.i64(points_at))
        };
        assert_eq!(decide("a").await, (DecisionCode::LowConfidence, 0));
        // Rows of many placements in one batch: every partition has its part.
        let rows: Vec<_> = (0..300).map(|n| row(&schema, ["a", "b", "c"][n % 3])).collect();
        let ack = client.ingest(outcomes, rows.len(), &batch(&rows), None).await.unwrap();
        assert_eq!((ack.level, ack.accepted()), (AckLevel::Journaled, 300));
        assert_eq!(decide("a").await, (DecisionCode::Floored, 101));
        assert_eq!(decide("a").await, (DecisionCode::Floored, 102));
        assert_eq!(decide("b").await, (DecisionCode::Floored, 100));
        assert_eq!(decide("never seen").await, (DecisionCode::LowConfidence, 0));
    });
}

#[test]
fn a_batch_with_one_bad_row_has_no_effect() {
    let engine = Engine::start();
    block_on(async {
        let client = engine.client().await;
        let (outcomes, schema) = stream(&client.welcome(), "outcomes");
        let good = row(&schema, "a");
        let cut = good[..good.len() - 1].to_vec();
        let error = client.ingest(outcomes, 2, &batch(&[good.clone(), cut]), None).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::RowInvalid));
        assert!(error.to_string().contains("row 1 of the batch: "), "{error}");
        let error = client.ingest(outcomes, 3, &batch(std::slice::from_ref(&good)), None).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::BatchInvalid), "{error}");
        let error = client.ingest(99, 1, &batch(std::slice::from_ref(&good)), None).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::UnknownStream), "{error}");
        // The connection has survived all of it, and none of it was counted.
        let ack = client.ingest(outcomes, 1, &batch(&[good]), Some(AckLevel::Memory)).await.unwrap();
        assert_eq!(ack.accepted(), 1);
    });
    let connect = engine.connect();
    let query = ["query", "SELECT data_points FROM placement_stats", "--connect", &connect];
    let output = vencejo().args(query).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"data_points\":1}\n", "{}", stderr(&output));
}

#[test]
fn an_engine_without_a_journal_says_so() {
    let engine = Engine::start_at("127.0.0.1:0", &["--no-journal"]);
    block_on(async {
        let client = engine.client().await;
        let (outcomes, schema) = stream(&client.welcome(), "outcomes");
        let rows = batch(&[row(&schema, "a")]);
        let refused = client.ingest(outcomes, 1, &rows, Some(AckLevel::Journaled)).await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::AckLevelUnavailable));
        let ack = client.ingest(outcomes, 1, &rows, None).await.unwrap();
        assert_eq!((ack.level, ack.accepted()), (AckLevel::Memory, 1));
    });
    assert!(!engine.data.path().join("journal").exists());
}
