//! Events that are on disk before they are acknowledged, beside servers that promise the same.

use std::fs::File;
use std::os::unix::fs::FileExt;

use vencejo_runtime::Clock;

use super::{Found, Group};
use crate::engine::Engine;
use crate::row::{Goal, Row};
use crate::setup::{Peer, Problem, REDIS, Setup, each};

const REDIS_RATIO_MIN: f64 = 3.0;
const JETSTREAM_RATIO_MIN: f64 = 30.0;
const BATCHES_RATE_MIN: f64 = 1e6;
const ACK_RATIO_MAX: f64 = 1.4;
const BATCH: f64 = 100.0;
/// With two numbers, the text's place and the bitmap it makes a row of 128 bytes.
const TEXT_BYTES: &str = "103";
/// Those in flight: as many as can share a sync.
const IN_FLIGHT: f64 = 64.0;
/// The floors: so much is written at a time, to a file that has its blocks already. An event takes 200 bytes
/// of the journal.
const BLOCK: usize = 4_096;
const BLOCKS_OF_64: usize = 3 * BLOCK;
const FILE_BYTES: usize = 2_048 * BLOCK;

const NATS: Peer = Peer { made: "target/peers-nats/bin/nats-server", setup: "bench/peers/nats/setup" };

pub const GROUP: Group = Group {
    name: "durable",
    title: "Events of 128 bytes, acknowledged when they are on disk, one engine thread",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let app = tempfile::tempdir().map_err(|error| format!("no folder can be made: {error}"))?;
    std::fs::write(app.path().join("app.sql"), include_str!("durable.sql"))
        .map_err(|error| format!("the app cannot be written: {error}"))?;
    let mut engine = Engine::start(&setup.program, app.path(), &[])?;
    let ingest = |load: &[&str]| {
        let all = [&["--ack", "journaled", "--string-bytes", TEXT_BYTES], load].concat();
        setup.ingest(engine.address(), "events", &all)
    };
    let frames = ingest(&["--batch", "1", "--in-flight", "1"])?.frame_bytes;
    let seconds = setup.seconds.to_string();
    let peer = |peer: Peer, script: &str| match setup.peer(peer) {
        Ok(_) => {
            let found = setup.run("python3".as_ref(), &[script, "--seconds", &seconds])?;
            Ok(found["events_per_second"].as_f64())
        }
        Err(_) => Ok::<_, String>(None),
    };
    let (mut single, mut batches, mut redis, mut jetstream) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut acks, mut floors, mut most) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        single.push(ingest(&["--batch", "1", "--in-flight", "64"])?);
        redis.extend(peer(REDIS, "bench/peers/redis/xadd.py")?);
        jetstream.extend(peer(NATS, "bench/peers/nats/run.py")?);
        batches.push(ingest(&["--batch", "100", "--in-flight", "64"])?);
        acks.push(ingest(&["--batch", "1", "--in-flight", "1"])?);
        most.push(IN_FLIGHT / sync_micros(BLOCKS_OF_64)? * 1e6);
        floors.push(sync_micros(BLOCK)? + setup.echo(frames, &["--in-flight", "1"])?.client.p50);
    }
    engine.stop()?;
    let singles = each(&single, |of| of.achieved);
    let beside = |name: &str, peer: Peer, theirs: &[f64], goal: f64| {
        if theirs.is_empty() {
            Row::skipped(format!("one by one, 64 in flight, beside {name}"), peer.missing())
        } else {
            let row = Row::new("one by one, 64 in flight", "events/s", &singles);
            row.against(name, theirs).goal(Goal::RatioAtLeast(goal))
        }
    };
    Ok(vec![
        beside("Redis, XADD with appendfsync always", REDIS, &redis, REDIS_RATIO_MIN),
        beside("NATS JetStream, sync always", NATS, &jetstream, JETSTREAM_RATIO_MIN),
        Row::new("one by one, 64 in flight", "events/s", &singles)
            .against("64 for each fdatasync of 12 KiB, one after the other, and nothing else", &most),
        Row::new("batches of 100, 64 in flight", "events/s", &each(&batches, |of| of.achieved * BATCH))
            .goal(Goal::AtLeast(BATCHES_RATE_MIN)),
        Row::new("one by one, 1 in flight, p50", "us", &each(&acks, |of| of.client.p50))
            .against("fdatasync of 4 KiB and the bare echo", &floors)
            .goal(Goal::RatioAtMost(ACK_RATIO_MAX)),
    ]
    .into())
}

/// The median time of a write of so many bytes and their way to the disk, in microseconds.
fn sync_micros(bytes: usize) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("a file cannot be written: {error}");
    let file: File = tempfile::tempfile().map_err(failed)?;
    file.write_all_at(&vec![0x5a; FILE_BYTES], 0).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let written = vec![0xa5; bytes];
    let clock = Clock::start();
    let mut times = Vec::new();
    for offset in (0..=FILE_BYTES - bytes).step_by(bytes) {
        let start = clock.now();
        file.write_all_at(&written, offset as u64).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        times.push(clock.now().since(start).as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
