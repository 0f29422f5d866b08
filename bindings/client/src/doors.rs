//! A link per door of the engine, so that a request goes where its key's partition is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use vencejo_protocol::frame::FrameType;
use vencejo_protocol::message::{DoorMap, Doors};
use vencejo_protocol::row::{Row, key_hash, partition_of};

use crate::client::read_reply;
use crate::connection::{Config, Connection};
use crate::error::ClientError;
use crate::link::Link;

/// How long a further door may take to open; past it the first one serves in its place.
const DOOR_TIMEOUT: Duration = Duration::from_secs(1);

/// The links of a client: one that always serves, and those by which a request saves a detour.
pub(crate) struct Links {
    /// The first is the one that always serves.
    links: Vec<Arc<Link>>,
    /// Per partition its door's place among the links; empty where the engine has one door.
    by_partition: Vec<usize>,
}

impl Links {
    /// Opens the other doors of an engine that the first link leads to. One that does not open is done
    /// without.
    pub(crate) async fn open(first: Arc<Link>, address: SocketAddr, config: &Config) -> Self {
        let map = ask(&first).await.unwrap_or_default();
        if map.ports.len() < 2 {
            return Self { links: vec![first], by_partition: Vec::new() };
        }
        let mut opening = JoinSet::new();
        for (door, &port) in map.ports.iter().enumerate().filter(|&(_, &port)| port != address.port()) {
            let (address, config) = (SocketAddr::new(address.ip(), port), config.clone());
            opening.spawn(async move {
                let opened = tokio::time::timeout(DOOR_TIMEOUT, Connection::open(address, &config)).await;
                (door, opened.ok().and_then(Result::ok))
            });
        }
        let mut places = vec![0; map.ports.len()];
        let mut links = vec![first];
        while let Some(opened) = opening.join_next().await {
            // Behind that port may be somebody else.
            if let Ok((door, Some(connection))) = opened
                && connection.welcome == links[0].welcome
            {
                places[door] = links.len();
                links.push(Link::start(connection));
            }
        }
        let by_partition = map.partitions.iter().map(|&door| places[usize::from(door)]).collect();
        Self { links, by_partition }
    }

    /// The link that always serves.
    pub(crate) fn first(&self) -> &Arc<Link> {
        &self.links[0]
    }

    /// The link to the door of a partition, or the one that always serves.
    pub(crate) fn of_partition(&self, partition: usize) -> &Arc<Link> {
        &self.links[self.by_partition.get(partition).copied().unwrap_or_default()]
    }

    /// The link to the door of a request for a decision.
    pub(crate) fn of_decision(&self, decision: u16, row: &[u8]) -> &Arc<Link> {
        if self.by_partition.is_empty() {
            return self.first();
        }
        // What is wrong with a request, the engine says.
        self.partition_of(decision, row).map_or(self.first(), |partition| self.of_partition(partition))
    }

    fn partition_of(&self, decision: u16, row: &[u8]) -> Option<usize> {
        let welcome = &self.first().welcome;
        let stream = welcome.decisions.iter().find(|known| known.id == decision)?.stream;
        let schema = &welcome.streams.iter().find(|known| known.id == stream)?.schema;
        let mut key = Vec::new();
        Row::parse(schema, row).ok()?.write_key(schema, schema.key(), &mut key);
        Some(partition_of(key_hash(&key), welcome.partitions) as usize)
    }

    /// Whether none is lost.
    pub(crate) fn are_alive(&self) -> bool {
        self.links.iter().all(|link| link.is_alive())
    }

    /// No further request will come; what is under way is answered.
    pub(crate) fn finish(&self) {
        self.links.iter().for_each(|link| link.finish());
    }

    /// Nothing is to be expected of them any more.
    pub(crate) fn abandon(&self) {
        self.links.iter().for_each(|link| link.abandon());
    }
}

/// Asks where the partitions are. An engine that does not know the question has one door.
async fn ask(link: &Link) -> Result<DoorMap, ClientError> {
    let reply = link.request(|request, out| Doors.write(request, out))?;
    let answered = tokio::time::timeout(DOOR_TIMEOUT, reply).await.map_err(|_| ClientError::TimedOut)?;
    let frame = answered.map_err(|_| ClientError::lost("the client was closed"))??;
    read_reply(&frame, FrameType::DoorMap, DoorMap::read)
}
