//! Peers that break the protocol: an error frame that names the cause, then, where the stream can no
//! longer be trusted, the end. Other connections never notice.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use vencejo_client::protocol::error::ErrorCode;
use vencejo_client::protocol::frame::{FrameReader, FrameType, write_frame};
use vencejo_client::protocol::message::{Decide, ErrorFrame, Hello, VERSION};
use vencejo_client::{ClientError, Config, Connection, DecisionCode};

use crate::support::{Engine, block_on, row, stream};

/// Sends bytes behind a hello; gives the codes that come back, and whether the connection was closed.
async fn send(engine: &Engine, bytes: &[u8]) -> (Vec<ErrorCode>, bool) {
    let mut connection = engine.connection().await;
    connection.sender.send(Bytes::copy_from_slice(bytes)).await.unwrap();
    let mut ping = BytesMut::new();
    write_frame(&mut ping, FrameType::Ping, 7, |_| {});
    // The engine may have closed the connection already.
    let _ = connection.sender.send(ping.freeze()).await;
    let mut codes = Vec::new();
    loop {
        match connection.receiver.next_frame().await {
            Ok(Some(frame)) if frame.frame_type() == Some(FrameType::Pong) => return (codes, false),
            Ok(Some(frame)) => {
                let error = ErrorFrame::read(&frame.payload).unwrap();
                assert!(!error.text.is_empty());
                codes.push(ErrorCode::from_number(error.code).unwrap());
            }
            Ok(None) | Err(_) => return (codes, true),
        }
    }
}

fn frame(frame_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    write_frame(&mut out, FrameType::Ping, 3, |out| out.extend_from_slice(payload));
    out[4] = frame_type;
    out.to_vec()
}

#[test]
fn frames_that_break_the_protocol_are_answered_by_name() {
    let engine = Engine::start();
    block_on(async {
        let bystander = engine.client().await;
        let (_, schema) = stream(&bystander.welcome(), "bid_requests");
        let good = row(&schema, "a");
        let decide = |decision: u16, row: &[u8]| {
            let mut out = BytesMut::new();
            Decide { decision, deadline_micros: 0, row }.write(3, &mut out);
            out.to_vec()
        };
        let mut reserved = frame(0x03, b"");
        reserved[6] = 1;
        let cases: [(&str, Vec<u8>, ErrorCode, bool); 11] = [
            ("length u32::MAX", vec![0xff; 4], ErrorCode::FrameTooLarge, true),
            ("length below a header", vec![3, 0, 0, 0], ErrorCode::MalformedFrame, true),
            ("reserved bytes", reserved, ErrorCode::MalformedFrame, true),
            ("unknown type", frame(0x55, b"abc"), ErrorCode::UnknownFrameType, false),
            (
                "a type only engines send",
                frame(FrameType::Welcome as u8, b""),
                ErrorCode::UnknownFrameType,
                false,
            ),
            ("second hello", frame(FrameType::Hello as u8, b""), ErrorCode::MalformedFrame, true),
            ("decide without a head", frame(FrameType::Decide as u8, b"ab"), ErrorCode::MalformedFrame, true),
            ("unknown decision", decide(99, &good), ErrorCode::UnknownDecision, false),
            ("row cut short", decide(0, &good[..good.len() - 1]), ErrorCode::RowInvalid, false),
            ("row of garbage", decide(0, &[0xab; 500]), ErrorCode::RowInvalid, false),
            ("ping too long", frame(FrameType::Ping as u8, &[0; 65]), ErrorCode::MalformedFrame, true),
        ];
        for (name, bytes, code, closes) in cases {
            assert_eq!(send(&engine, &bytes).await, (vec![code], closes), "{name}");
        }
        let decided = bystander.decide(0, &good, Duration::from_secs(5)).await.unwrap();
        assert_eq!(decided.code, DecisionCode::LowConfidence);
    });
}

#[test]
fn half_a_frame_and_then_silence_ends_in_a_timeout() {
    let engine = Engine::start();
    block_on(async {
        let mut connection = engine.connection().await;
        connection.sender.send(Bytes::from_static(&[40, 0, 0, 0, 0x10, 0])).await.unwrap();
        let frame = connection.receiver.next_frame().await.unwrap().unwrap();
        assert_eq!(ErrorFrame::read(&frame.payload).unwrap().code, ErrorCode::FrameTimeout.number());
        let end = connection.receiver.next_frame().await;
        assert!(!matches!(end, Ok(Some(_))), "the connection ends");
    });
}

#[test]
fn a_stream_that_ends_within_a_frame_is_told_so() {
    let engine = Engine::start();
    block_on(async {
        let mut connection = engine.connection().await;
        connection.sender.send(Bytes::from_static(&[40, 0, 0, 0, 0x10, 0])).await.unwrap();
        connection.sender.finish();
        let frame = connection.receiver.next_frame().await.unwrap().unwrap();
        assert_eq!(ErrorFrame::read(&frame.payload).unwrap().code, ErrorCode::MalformedFrame.number());
    });
}

#[test]
fn a_client_built_for_another_schema_is_refused_by_name() {
    let engine = Engine::start();
    block_on(async {
        let expected = vec![("bid_requests".to_owned(), 42)];
        let error = Connection::open(engine.address, &Config { expected, ..Config::default() }).await;
        let error = error.err().unwrap();
        assert_eq!(error.code(), Some(ErrorCode::SchemaMismatch));
        assert!(error.to_string().contains("stream 'bid_requests' has schema fingerprint"), "{error}");
        let expected = vec![("impressions".to_owned(), 42)];
        let error = Connection::open(engine.address, &Config { expected, ..Config::default() }).await;
        assert_eq!(error.err().unwrap().code(), Some(ErrorCode::SchemaMismatch));
    });
}

#[test]
fn without_a_hello_nothing_is_served() {
    let engine = Engine::start();
    block_on(async {
        let ping = frame(FrameType::Ping as u8, b"");
        let hello_of_the_future = {
            let mut out = BytesMut::new();
            let hello = Hello { version_min: VERSION + 1, version_max: VERSION + 3, ..Hello::default() };
            hello.write(0, &mut out);
            out.to_vec()
        };
        for (bytes, code) in
            [(ping, ErrorCode::HelloRequired), (hello_of_the_future, ErrorCode::UnsupportedVersion)]
        {
            let connection = raw_connection(&engine, b"vencejo/1").await.unwrap();
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.write_all(&bytes).await.unwrap();
            let mut frames = FrameReader::default();
            let frame = loop {
                if let Some(frame) = frames.next_frame().unwrap() {
                    break frame;
                }
                frames.push(receive.read_chunk(1 << 16, true).await.unwrap().unwrap().bytes);
            };
            assert_eq!(ErrorFrame::read(&frame.payload).unwrap().code, code.number());
            let quinn::ConnectionError::ApplicationClosed(close) = connection.closed().await else {
                panic!("the engine closes the connection");
            };
            assert_eq!(close.error_code.into_inner(), u64::from(code.number()));
        }
    });
}

#[test]
fn another_alpn_is_refused_in_the_handshake() {
    let engine = Engine::start();
    block_on(async {
        let error = raw_connection(&engine, b"h3").await.err().unwrap();
        assert!(error.to_string().contains("known protocol"), "{error}");
    });
}

#[test]
fn a_request_over_the_protocols_limits_is_not_even_sent() {
    let engine = Engine::start();
    block_on(async {
        let client = engine.client().await;
        let error = client.decide(0, &[0; 100_000], Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
    });
}

/// A QUIC connection to the engine that has said nothing yet.
async fn raw_connection(engine: &Engine, alpn: &[u8]) -> Result<quinn::Connection, quinn::ConnectionError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    let pem = engine.data.path().join("tls/dev-certificate.pem");
    roots.add(CertificateDer::from_pem_file(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    endpoint.connect_with(config, engine.address, "localhost").unwrap().await
}
