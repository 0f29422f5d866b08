//! Start, stop, start again.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::process::Signal;
use vencejo_client::{Client, ClientError, Config, Connection, Socket};

use crate::support::{Engine, block_on, row, stream, vencejo};

#[test]
fn the_development_certificate_is_made_once_and_its_fingerprint_is_enough() {
    let mut engine = Engine::start();
    let key = engine.data.path().join("tls/dev-key.pem");
    let before = std::fs::read(&key).unwrap();
    engine.signal(Signal::TERM);
    let (status, first) = engine.wait();
    assert_eq!(status.code(), Some(0), "{first}");
    let fingerprint = |log: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix("certificate sha256=")).unwrap();
        line.to_owned()
    };
    let mut again = Engine::start_in(engine.into_data(), "127.0.0.1:0", &[]);
    let ask = |fingerprint: &str| {
        let samples = "apps/ads/samples/bid_requests.jsonl";
        let connect = again.connect();
        let arguments = ["decide", "--connect", &connect, "--openrtb", samples, "--fingerprint", fingerprint];
        vencejo().args(arguments).output().unwrap().status.code()
    };
    assert_eq!(ask(&fingerprint(&first)), Some(0));
    assert_eq!(ask(&"0".repeat(64)), Some(1));
    assert_eq!(std::fs::read(&key).unwrap(), before, "the key is kept");
    again.signal(Signal::INT);
    let (status, second) = again.wait();
    assert_eq!((status.code(), fingerprint(&second)), (Some(0), fingerprint(&first)));
}

#[test]
fn an_engine_that_never_sleeps_and_holds_memory_answers_and_stops() {
    let options = ["--threads", "2", "--busy-poll", "--memory-reserve", "64MB"];
    let mut engine = Engine::start_at("127.0.0.1:0", &options);
    block_on(async {
        let client = engine.client().await;
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        for placement in ["a", "b", "c", "d", "e", "f"] {
            client.decide(0, &row(&schema, placement), Duration::from_secs(5)).await.unwrap();
        }
    });
    engine.signal(Signal::TERM);
    let (status, error) = engine.wait();
    assert_eq!(status.code(), Some(0), "{error}");
    assert!(error.ends_with("stopped\n"), "{error}");
}

#[test]
fn a_stop_under_load_answers_what_was_taken() {
    let mut engine = Engine::start();
    block_on(async {
        let client = engine.client().await;
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        let request = row(&schema, "a");
        let mut under_way = Vec::new();
        for _ in 0..500 {
            under_way.push(client.send_decide(0, &request, Duration::from_secs(5)).await.unwrap());
        }
        // The first answer shows that the engine has begun to read.
        under_way[0].answer().await.unwrap();
        engine.signal(Signal::TERM);
        let (mut answered, mut lost) = (1_u64, 0_u64);
        let mut sequence_last = 0;
        for pending in &mut under_way[1..] {
            match pending.answer().await {
                Ok(decided) => {
                    assert_eq!(lost, 0, "an answer behind a lost one");
                    assert!(decided.sequence > sequence_last);
                    sequence_last = decided.sequence;
                    answered += 1;
                }
                Err(ClientError::Lost { reason }) => {
                    assert!(
                        reason.contains("shutting_down") || reason.contains("ended the stream"),
                        "{reason}"
                    );
                    lost += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(answered + lost, 500);
        // Ticks have places, too: ten in a second.
        assert!(sequence_last <= answered + 50, "what was taken was answered");
    });
    let (status, error) = engine.wait();
    assert_eq!(status.code(), Some(0), "{error}");
    assert!(error.ends_with("stopped\n"), "{error}");
}

#[test]
fn clients_share_a_socket() {
    let engine = Engine::start();
    block_on(async {
        let config = Config { socket: Some(Socket::to(engine.address).unwrap()), ..Config::default() };
        let [one, other] = [0, 1].map(|_| Client::connect(engine.address, config.clone()));
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        let (_, schema) = stream(&one.welcome(), "bid_requests");
        let request = row(&schema, "a");
        one.decide(0, &request, Duration::ZERO).await.unwrap();
        one.close();
        other.decide(0, &request, Duration::ZERO).await.unwrap();
        // No other one is made where this one does not do.
        let elsewhere = SocketAddr::from((Ipv6Addr::LOCALHOST, engine.address.port()));
        let refused = Connection::open(elsewhere, &config).await.err().expect("an address of another family");
        assert!(refused.to_string().contains("invalid remote address"), "{refused}");
    });
}

#[test]
fn a_client_finds_its_engine_again() {
    let mut engine = Engine::start();
    let address = engine.address;
    block_on(async {
        let config = Config { connect_timeout: Duration::from_secs(20), ..Config::default() };
        let client = Client::connect(address, config).await.unwrap();
        let (_, schema) = stream(&client.welcome(), "bid_requests");
        let request = row(&schema, "a");
        for _ in 0..20 {
            client.decide(0, &request, Duration::ZERO).await.unwrap();
        }
        engine.signal(Signal::KILL);
        engine.wait();
        let engine = Engine::start_at(&address.to_string(), &[]);
        // The old connection is found dead, by its reset or its silence; the next call has a new one.
        let decided = loop {
            match client.decide(0, &request, Duration::ZERO).await {
                Ok(decided) => break decided,
                Err(ClientError::Lost { .. } | ClientError::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
        };
        // Ticks and requests whose replies were lost have places, too.
        assert!(decided.sequence < 20, "a new engine has new state, not {}", decided.sequence);
        drop(engine);
    });
}
