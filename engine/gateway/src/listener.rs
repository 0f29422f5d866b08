//! The QUIC endpoints: bounded, TLS 1.3, `vencejo/1` only.

use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::HmacKey;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    AckFrequencyConfig, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, Incoming,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::limits::STREAMS_MAX;
use vencejo_protocol::message::{ALPN, DoorMap, MessageError};
use vencejo_runtime::Router;
use vencejo_types::Tick;

use crate::control::{Administration, Control};
use crate::limits::{
    ACK_PACKETS, CONNECTION_WINDOW_BYTES, CONNECTIONS_MAX, HANDSHAKE_TIMEOUT, HANDSHAKES_UNVALIDATED_MAX,
    IDLE_TIMEOUT, INCOMING_BYTES_MAX, INCOMING_MAX, REPLY_GRACE, STREAM_WINDOW_BYTES,
};
use crate::session::{Shared, close_code, serve_connection};
use crate::welcome::check_app;

/// The certificate chain and key that the engine shows.
pub struct Identity {
    /// Leaf first.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
    /// By what a client knows that its connection is gone with the engine that it had; the same for the next
    /// engine with this identity, and known to nobody else.
    pub reset_key: Arc<dyn HmacKey>,
}

/// Names connections. Nobody can tell a connection by its name, and no engine gives one that an engine
/// before it has given: the name is a keyed hash of when the engine began, the door, and how many it gave
/// before.
struct Names {
    key: Arc<dyn HmacKey>,
    began: Tick,
    door: u32,
    given: u64,
}

/// Bytes of a connection's name.
const NAME_BYTES: usize = 8;

impl ConnectionIdGenerator for Names {
    fn generate_cid(&mut self) -> ConnectionId {
        self.given += 1;
        let mut seed = *b"name............................";
        seed[4..12].copy_from_slice(&self.began.0.to_le_bytes());
        seed[12..20].copy_from_slice(&self.given.to_le_bytes());
        seed[20..24].copy_from_slice(&self.door.to_le_bytes());
        let mut signature = vec![0; self.key.signature_len()];
        self.key.sign(&seed, &mut signature);
        ConnectionId::new(&signature[..NAME_BYTES])
    }

    fn cid_len(&self) -> usize {
        NAME_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// Why the endpoint cannot be opened.
#[derive(Debug)]
pub enum BindError {
    /// The certificate and key do not make a TLS identity.
    Identity(rustls::Error),
    /// The address cannot be bound.
    Address(SocketAddr, std::io::Error),
    /// The app cannot be told to a client: it is too large for a frame, or a name is no name.
    Welcome(MessageError),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(error) => write!(f, "the certificate and key cannot be used: {error}"),
            Self::Address(address, error) => write!(f, "cannot listen on {address} (UDP): {error}"),
            Self::Welcome(error) => write!(f, "no client could read what this app declares: {error}"),
        }
    }
}

impl std::error::Error for BindError {}

/// The QUIC side of an engine: per thread of its partitions an endpoint, the thread's *door*. Each serves
/// everything; what belongs to a partition of its own thread, without a detour.
pub struct Gateway {
    endpoints: Vec<Endpoint>,
    shared: Arc<Shared>,
}

impl Gateway {
    /// Opens the doors, at the address and the ports that follow it; at free ones where the port is 0.
    /// Connections are served from [`Gateway::serve`] on; `control` knows the commands.
    ///
    /// # Errors
    /// When the identity cannot be used, an address not be bound, or the app not be told to a client.
    pub async fn bind(
        address: SocketAddr,
        identity: Identity,
        router: Arc<Router>,
        control: Arc<dyn Control>,
    ) -> Result<Self, BindError> {
        check_app(&router.app(), router.partitions()).map_err(BindError::Welcome)?;
        let (key, clock) = (Arc::clone(&identity.reset_key), router.clock());
        let began = clock.tick(clock.now());
        let config = server_config(identity).map_err(BindError::Identity)?;
        let (mut endpoints, mut ports) = (Vec::new(), Vec::new());
        for door in 0..router.threads() {
            let (at, socket) = bind_door(address, door)?;
            ports.push(socket.local_addr().map_err(|error| BindError::Address(at, error))?.port());
            let names = door_config(Arc::clone(&key), began, door);
            let config = config.clone();
            let open = move || Endpoint::new(names, Some(config), socket, Arc::new(TokioRuntime));
            endpoints
                .push(open_on(&router, door, open).await.map_err(|error| BindError::Address(at, error))?);
        }
        let thread = |partition| u16::try_from(router.thread_of(partition)).expect("DOORS_MAX fits 16 bits");
        let doors = DoorMap { ports, partitions: router.partition_ids().map(thread).collect() };
        let administration = Administration::new(control);
        let shared = Shared { router, administration, doors, stopping: CancellationToken::new() };
        Ok(Self { endpoints, shared: Arc::new(shared) })
    }

    /// The address of the first door.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.endpoints[0].local_addr()
    }

    /// Serves until `stop` is done; then takes no new connection or request, answers what is in flight,
    /// and returns.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { endpoints, shared } = self;
        let connections_max = (CONNECTIONS_MAX / endpoints.len()).max(1);
        let mut doors = Vec::new();
        for (thread, endpoint) in endpoints.into_iter().enumerate() {
            let (done, ended) = oneshot::channel();
            let served = Arc::clone(&shared);
            shared.router.run_on(thread, move || {
                tokio::task::spawn_local(async move {
                    serve_door(served, endpoint, connections_max).await;
                    // Nobody may be waiting any more.
                    let _ = done.send(());
                });
            });
            doors.push(ended);
        }
        stop.await;
        shared.stopping.cancel();
        for door in doors {
            // A thread that has ended has nothing more to serve.
            let _ = door.await;
        }
    }
}

/// The socket of a door, and the address that it was to have.
fn bind_door(address: SocketAddr, door: usize) -> Result<(SocketAddr, UdpSocket), BindError> {
    let mut at = address;
    if address.port() != 0 {
        let port = u16::try_from(door).ok().and_then(|door| address.port().checked_add(door));
        let past_the_last = || std::io::Error::other("there is no port left for each thread");
        at.set_port(port.ok_or_else(|| BindError::Address(address, past_the_last()))?);
    }
    UdpSocket::bind(at).map(|socket| (at, socket)).map_err(|error| BindError::Address(at, error))
}

/// Opens an endpoint on the thread that is to run it.
async fn open_on(
    router: &Router,
    thread: usize,
    open: impl FnOnce() -> std::io::Result<Endpoint> + Send + 'static,
) -> std::io::Result<Endpoint> {
    let (tell, opened) = oneshot::channel();
    router.run_on(thread, || {
        // Nobody may be waiting any more.
        let _ = tell.send(open());
    });
    opened.await.unwrap_or_else(|_| Err(std::io::Error::other("the thread has ended")))
}

/// Serves the connections of one door until the engine stops, and answers what is in flight then.
async fn serve_door(shared: Arc<Shared>, endpoint: Endpoint, connections_max: usize) {
    let mut connections = JoinSet::new();
    let stopped = shared.stopping.cancelled();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                if let Some(incoming) = admit(incoming, connections.len(), connections_max) {
                    connections.spawn_local(handshake(Arc::clone(&shared), incoming));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = &mut stopped => break,
        }
    }
    endpoint.set_server_config(None);
    let answered = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(REPLY_GRACE * 2, answered).await.is_err() {
        tracing::warn!("some replies were not taken in time; their connections are closed");
    }
    // Connections that have been answered are closed already.
    endpoint.close(close_code(ErrorCode::ShuttingDown), b"the engine is stopping");
    let _ = tokio::time::timeout(REPLY_GRACE, endpoint.wait_idle()).await;
}

/// Whether a connection may begin its handshake; under load its address is validated first.
fn admit(incoming: Incoming, connections: usize, connections_max: usize) -> Option<Incoming> {
    if connections >= connections_max {
        incoming.refuse();
        return None;
    }
    if connections >= HANDSHAKES_UNVALIDATED_MAX && !incoming.remote_address_validated() {
        // Retry fails only for an address that is validated already.
        let _ = incoming.retry();
        return None;
    }
    Some(incoming)
}

async fn handshake(shared: Arc<Shared>, incoming: Incoming) {
    let peer = incoming.remote_address();
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, incoming).await {
        Ok(Ok(connection)) => serve_connection(shared, connection).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "handshake failed"),
        Err(_) => tracing::debug!(%peer, "handshake not finished in time"),
    }
}

/// How a door names connections.
fn door_config(key: Arc<dyn HmacKey>, began: Tick, door: usize) -> EndpointConfig {
    let door = u32::try_from(door).expect("DOORS_MAX fits 32 bits");
    let mut config = EndpointConfig::new(Arc::clone(&key));
    config.cid_generator(move || Box::new(Names { key: Arc::clone(&key), began, door, given: 0 }));
    config
}

fn server_config(identity: Identity) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(identity.certificates, identity.key)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).expect("TLS 1.3 of ring has QUIC's initial cipher suite");
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport()))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_MAX * 16);
    Ok(config)
}

/// The transport settings of the engine's side: bounded windows, no unidirectional streams, no datagrams.
pub fn transport() -> TransportConfig {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_PACKETS));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("ten seconds fit")));
    transport
}
