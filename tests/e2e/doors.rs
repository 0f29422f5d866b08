//! An engine of several threads: each has a port, and the client sends each key to its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, ServerConfig};
use rustls::pki_types::PrivatePkcs8KeyDer;
use vencejo_client::protocol::error::ErrorCode;
use vencejo_client::protocol::frame::{Frame, FrameReader, FrameType};
use vencejo_client::protocol::message::{ALPN, Ack, AckEntry, Decision, DoorMap, Doors, ErrorFrame};
use vencejo_client::protocol::row::{key_hash, partition_of};
use vencejo_client::{AckLevel, Client, Config, Connection, DecisionCode, Producer, Row, Welcome};

use crate::support::{Engine, block_on, row, stream};

const DEADLINE: Duration = Duration::from_secs(5);

async fn ask(connection: &mut Connection) -> Frame {
    let mut out = BytesMut::new();
    Doors.write(7, &mut out);
    connection.sender.send(out.freeze()).await.unwrap();
    connection.receiver.next_frame().await.unwrap().unwrap()
}

#[test]
fn every_door_serves_everything() {
    let engine = Engine::start_at("127.0.0.1:0", &["--partitions", "5", "--threads", "3"]);
    block_on(async {
        let mut first = engine.connection().await;
        let map = DoorMap::read(&ask(&mut first).await.payload).unwrap();
        assert_eq!((map.ports[0], map.ports.len()), (engine.address.port(), 3));
        assert_eq!(map.partitions, [0, 1, 2, 0, 1]);
        let client = engine.client().await;
        let (_, requests) = stream(&client.welcome(), "bid_requests");
        for (door, port) in map.ports.iter().enumerate() {
            let at = SocketAddr::new(engine.address.ip(), *port);
            let mut connection = Connection::open(at, &Config::default()).await.unwrap();
            assert_eq!(connection.welcome, first.welcome);
            assert_eq!(DoorMap::read(&ask(&mut connection).await.payload).unwrap(), map);
            // A client that knows one door only has all keys there.
            let client = Client::connect(at, Config::default()).await.unwrap();
            let sequences = async {
                let mut sequences = Vec::new();
                for key in 0..20 {
                    let decided = client.decide(0, &row(&requests, &format!("{key}")), DEADLINE).await;
                    sequences.push(decided.unwrap().sequence);
                }
                sequences
            };
            assert!(sequences.await.iter().all(|&sequence| sequence > door as u64), "door {door}");
        }
    });
}

#[test]
fn rows_that_go_by_several_doors_count_once_over_a_restart() {
    let arguments = ["--partitions", "4", "--threads", "2"];
    let mut engine = Engine::start_at("127.0.0.1:0", &arguments);
    let address = engine.connect();
    block_on(async {
        let client = engine.client().await;
        let welcome = client.welcome();
        let schema = stream(&welcome, "outcomes").1;
        let outcomes = welcome.streams.iter().find(|it| it.name == "outcomes").unwrap().clone();
        let rows: Vec<_> = (0..40).map(|key| row(&schema, &format!("{}", key % 8))).collect();
        let mut producer = Producer::new(client.clone(), outcomes, (9, 0), None, Duration::from_secs(30));
        producer.send(rows.iter().map(Vec::as_slice)).await.unwrap();
        engine.signal(rustix::process::Signal::KILL);
        engine.wait();
        let data = engine.into_data();
        let _engine = Engine::start_in(data, &address, &arguments);
        producer.send(rows.iter().map(Vec::as_slice)).await.unwrap();
        let (_, requests) = stream(&welcome, "bid_requests");
        let floor = &client.welcome().decisions[0];
        for key in 0..8 {
            let decided =
                client.decide(floor.id, &row(&requests, &format!("{key}")), DEADLINE).await.unwrap();
            let answer = Row::parse(&floor.answer, &decided.row).unwrap();
            assert_eq!(answer.i64(floor.answer.position("data_points").unwrap()), 10, "key {key}");
        }
    });
}

/// Which partitions' requests came through which door.
type Seen = Arc<Mutex<BTreeMap<usize, Vec<u32>>>>;

/// An engine that has the welcome of a real one and notes where requests come in.
struct Fake {
    ports: Vec<u16>,
    welcome: Welcome,
    /// Nothing: it does not know the question.
    map: Option<DoorMap>,
    seen: Seen,
}

impl Fake {
    /// Opens doors, of which the last one's port may be told and closed.
    fn open(welcome: &Welcome, doors: usize, knows_doors: bool, last_is_closed: bool) -> (SocketAddr, Seen) {
        let mut welcome = welcome.clone();
        welcome.partitions = 4;
        let endpoints: Vec<Endpoint> = (0..doors).map(|_| endpoint()).collect();
        let ports: Vec<u16> = endpoints.iter().map(|it| it.local_addr().unwrap().port()).collect();
        let doors = u16::try_from(doors).unwrap();
        let partitions = (0..4).map(|partition| partition % doors).collect();
        let map = knows_doors.then(|| DoorMap { ports: ports.clone(), partitions });
        let seen = Seen::default();
        let fake = Arc::new(Self { ports, welcome, map, seen: Arc::clone(&seen) });
        let address = (Ipv4Addr::LOCALHOST, fake.ports[0]).into();
        let open = endpoints.len() - usize::from(last_is_closed);
        for (door, endpoint) in endpoints.into_iter().enumerate().take(open) {
            let fake = Arc::clone(&fake);
            tokio::spawn(async move {
                while let Some(incoming) = endpoint.accept().await {
                    tokio::spawn(Arc::clone(&fake).serve(door, incoming));
                }
            });
        }
        (address, seen)
    }

    async fn serve(self: Arc<Self>, door: usize, incoming: quinn::Incoming) {
        let Ok(connection) = incoming.await else { return };
        let Ok((mut send, mut receive)) = connection.accept_bi().await else { return };
        let mut frames = FrameReader::default();
        while let Ok(Some(chunk)) = receive.read_chunk(1 << 16, true).await {
            frames.push(chunk.bytes);
            while let Ok(Some(frame)) = frames.next_frame() {
                let mut out = BytesMut::new();
                self.answer(door, &frame, &mut out);
                send.write_chunk(out.freeze()).await.unwrap();
            }
        }
    }

    fn answer(&self, door: usize, frame: &Frame, out: &mut BytesMut) {
        let note = |stream: &str, bytes: &[u8]| {
            let (schema, mut key) = (stream_schema(&self.welcome, stream), Vec::new());
            Row::parse(&schema, bytes).unwrap().write_key(&schema, schema.key(), &mut key);
            let partition = partition_of(key_hash(&key), self.welcome.partitions);
            self.seen.lock().unwrap().entry(door).or_default().push(partition);
            partition
        };
        match frame.frame_type() {
            Some(FrameType::Hello) => self.welcome.write(frame.request, out),
            Some(FrameType::Doors) => match &self.map {
                Some(map) => map.write(frame.request, out),
                None => ErrorFrame::new(ErrorCode::UnknownFrameType, "what?").write(frame.request, out),
            },
            Some(FrameType::Decide) => {
                note("bid_requests", &frame.payload[8..]);
                let code = DecisionCode::NoMatch;
                Decision { code, server_nanos: 0, sequence: 1, row: &[] }.write(frame.request, out);
            }
            Some(FrameType::Produce) => {
                use vencejo_client::protocol::message::Produce;
                let batch = Produce::read(&frame.payload).unwrap().batch;
                let partition = note("outcomes", batch.split_rows().next().unwrap().unwrap());
                let entry = AckEntry {
                    partition,
                    refused: None,
                    events: batch.count,
                    retry_after_micros: 0,
                    sequence: 1,
                };
                Ack { level: AckLevel::Memory, entries: vec![entry] }.write(frame.request, out);
            }
            _ => panic!("frame type {:#x}", frame.type_code),
        }
    }
}

fn stream_schema(welcome: &Welcome, name: &str) -> vencejo_client::protocol::schema::Schema {
    stream(welcome, name).1
}

fn endpoint() -> Endpoint {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|tls| tls.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key))
        .unwrap();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap()
}

/// The doors by which a client's decisions and produced rows come, and of which partitions they are.
async fn ways(
    welcome: &Welcome,
    doors: usize,
    knows_doors: bool,
    last_is_closed: bool,
) -> BTreeMap<usize, Vec<u32>> {
    let (address, seen) = Fake::open(welcome, doors, knows_doors, last_is_closed);
    let client = Client::connect(address, Config::default()).await.unwrap();
    let requests = stream_schema(welcome, "bid_requests");
    let outcomes = welcome.streams.iter().find(|it| it.name == "outcomes").unwrap();
    for key in 0..40 {
        client.decide(0, &row(&requests, &format!("{key}")), DEADLINE).await.unwrap();
    }
    let rows: Vec<_> = (0..40).map(|key| row(&outcomes.schema, &format!("{key}"))).collect();
    let mut producer = Producer::new(client, outcomes.clone(), (1, 0), None, DEADLINE);
    producer.send(rows.iter().map(Vec::as_slice)).await.unwrap();
    let mut seen = seen.lock().unwrap().clone();
    seen.values_mut().for_each(|partitions| {
        partitions.sort_unstable();
        partitions.dedup();
    });
    seen
}

#[test]
fn the_client_sends_each_key_to_its_door() {
    let engine = Engine::start();
    block_on(async {
        let welcome = engine.client().await.welcome();
        let two = ways(&welcome, 2, true, false).await;
        assert_eq!(two, BTreeMap::from([(0, vec![0, 2]), (1, vec![1, 3])]));
        let an_old_engine = ways(&welcome, 2, false, false).await;
        assert_eq!(an_old_engine, BTreeMap::from([(0, vec![0, 1, 2, 3])]));
        let behind_a_firewall = ways(&welcome, 2, true, true).await;
        assert_eq!(behind_a_firewall, BTreeMap::from([(0, vec![0, 1, 2, 3])]));
    });
}
