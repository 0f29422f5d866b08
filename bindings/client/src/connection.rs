//! One connection: handshake, hello, then frames both ways.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::{AckFrequencyConfig, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::frame::{Frame, FrameReader, FrameType};
use vencejo_protocol::message::{ALPN, ErrorFrame, Hello, VERSION, Welcome};

use crate::error::ClientError;
use crate::tls::{Trust, crypto};

const CHUNK_BYTES_MAX: usize = 64 << 10;
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Packets of the engine's that are acknowledged together, at most; fewer take as long as QUIC allows.
const ACK_PACKETS: u32 = 10;
const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// How a client presents itself, and how long it waits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which engine to trust.
    pub trust: Trust,
    /// The app to ask for; empty takes the one that is served.
    pub app: String,
    /// The name under which the engine logs this client.
    pub name: String,
    /// Streams with the schema fingerprint the caller was built for; another one is refused.
    pub expected: Vec<(String, u64)>,
    /// How long to try to connect, back-off included.
    pub connect_timeout: Duration,
    /// How long to wait for any one answer.
    pub request_timeout: Duration,
    /// What to connect from; a client gets a socket of its own where there is none.
    pub socket: Option<Socket>,
}

/// A UDP socket that connections share. Each of its own takes up to 3 MB for what may come in, which counts
/// where they are many.
#[derive(Clone, Debug)]
pub struct Socket(Endpoint);

impl Socket {
    /// One for addresses of this one's family, served by the tokio runtime that this is called in.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn to(address: SocketAddr) -> Result<Self, ClientError> {
        let local: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        Endpoint::client(local)
            .map(Self)
            .map_err(|error| ClientError::Connect { address, reason: error.to_string() })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            trust: Trust::Loopback,
            app: String::new(),
            name: concat!("vencejo-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            expected: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
            socket: None,
        }
    }
}

impl Config {
    /// Its socket, or one made to get here.
    fn socket_to(&self, address: SocketAddr) -> Result<Socket, ClientError> {
        self.socket.clone().map_or_else(|| Socket::to(address), Ok)
    }

    /// The same for connections that share a socket to here.
    pub(crate) fn with_socket(&self, address: SocketAddr) -> Self {
        // Where there is none, connecting fails for the same reason and says so.
        Self { socket: self.socket_to(address).ok(), ..self.clone() }
    }
}

/// A connection that has been welcomed, with its first stream.
pub struct Connection {
    /// What the engine serves.
    pub welcome: Arc<Welcome>,
    /// Where requests go.
    pub sender: FrameSender,
    /// Where replies come from.
    pub receiver: FrameReceiver,
}

impl Connection {
    /// Connects once and says hello.
    ///
    /// # Errors
    /// When no engine answers there, it is not trusted, or it refuses the hello.
    pub async fn open(address: SocketAddr, config: &Config) -> Result<Self, ClientError> {
        let failed = |reason: String| ClientError::Connect { address, reason };
        if !config.trust.allows(address.ip()) {
            let reason = "it is not a loopback address; give the fingerprint that the engine printed";
            return Err(failed(reason.to_owned()));
        }
        let opened = tokio::time::timeout(config.connect_timeout, Self::handshake(address, config)).await;
        opened.map_err(|_| failed("no answer; is an engine serving there?".to_owned()))?
    }

    async fn handshake(address: SocketAddr, config: &Config) -> Result<Self, ClientError> {
        let failed = |reason: String| ClientError::Connect { address, reason };
        let Socket(endpoint) = config.socket_to(address)?;
        let crypto = crypto(config.trust, ALPN).map_err(|error| failed(error.to_string()))?;
        let mut quic = quinn::ClientConfig::new(Arc::new(crypto));
        quic.transport_config(Arc::new(transport()));
        let connecting =
            endpoint.connect_with(quic, address, "localhost").map_err(|error| failed(error.to_string()))?;
        let connection = connecting.await.map_err(|error| failed(explain(&error)))?;
        let (send, receive) = connection.open_bi().await.map_err(|error| failed(explain(&error)))?;
        let (mut sender, mut receiver) = frames_of(connection, send, receive);
        let welcome = say_hello(config, &mut sender, &mut receiver).await?;
        Ok(Self { welcome: Arc::new(welcome), sender, receiver })
    }
}

/// A stream's two halves.
fn frames_of(
    connection: quinn::Connection,
    send: SendStream,
    receive: RecvStream,
) -> (FrameSender, FrameReceiver) {
    let sender = FrameSender { stream: send, connection: connection.clone() };
    (sender, FrameReceiver { stream: receive, frames: FrameReader::default(), connection })
}

/// Opens a further stream of a connection that has been welcomed.
pub(crate) async fn open_stream(
    connection: &quinn::Connection,
) -> Result<(FrameSender, FrameReceiver), ClientError> {
    let opened = connection.open_bi().await;
    let (send, receive) = opened.map_err(|error| ClientError::Lost { reason: explain(&error) })?;
    Ok(frames_of(connection.clone(), send, receive))
}

async fn say_hello(
    config: &Config,
    sender: &mut FrameSender,
    receiver: &mut FrameReceiver,
) -> Result<Welcome, ClientError> {
    let hello = Hello {
        version_min: VERSION,
        version_max: VERSION,
        app: config.app.clone(),
        client: config.name.clone(),
        expected: config.expected.clone(),
    };
    let mut out = BytesMut::new();
    hello.write(0, &mut out);
    sender.send(out.freeze()).await?;
    let frame = receiver.next_frame().await?.ok_or_else(|| ClientError::lost("no answer to the hello"))?;
    match frame.frame_type() {
        Some(FrameType::Welcome) => Welcome::read(&frame.payload).map_err(ClientError::protocol),
        Some(FrameType::Error) => {
            Err(ClientError::Refused(ErrorFrame::read(&frame.payload).map_err(ClientError::protocol)?))
        }
        _ => Err(ClientError::protocol(format!("frame type 0x{:02x} answers a hello", frame.type_code))),
    }
}

/// The sending half.
pub struct FrameSender {
    stream: SendStream,
    pub(crate) connection: quinn::Connection,
}

impl FrameSender {
    /// Sends whole frames.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frames: Bytes) -> Result<(), ClientError> {
        let sent = self.stream.write_chunk(frames).await;
        sent.map_err(|error| lost(&self.connection, &error))
    }

    /// No further request will come; replies still do.
    pub fn finish(&mut self) {
        // The stream is closed already when the connection is.
        let _ = self.stream.finish();
    }
}

/// The receiving half.
pub struct FrameReceiver {
    stream: RecvStream,
    frames: FrameReader,
    connection: quinn::Connection,
}

impl FrameReceiver {
    /// The next frame; nothing when the engine has ended the stream.
    ///
    /// # Errors
    /// When the connection is gone or what came is no frame.
    pub async fn next_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            if let Some(frame) = self.frames.next_frame().map_err(ClientError::protocol)? {
                return Ok(Some(frame));
            }
            match self.stream.read_chunk(CHUNK_BYTES_MAX, true).await {
                Ok(Some(chunk)) => self.frames.push(chunk.bytes),
                Ok(None) => return Ok(None),
                Err(error) => return Err(lost(&self.connection, &error)),
            }
        }
    }

    /// Frames that have arrived already, without waiting.
    ///
    /// # Errors
    /// When what came is no frame.
    pub fn buffered_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        self.frames.next_frame().map_err(ClientError::protocol)
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.connection.close(VarInt::from_u32(0), b"");
    }
}

fn lost(connection: &quinn::Connection, error: &dyn std::error::Error) -> ClientError {
    match connection.close_reason() {
        Some(reason) => ClientError::Lost { reason: explain(&reason) },
        None => ClientError::lost(error),
    }
}

/// A connection's end in words that help.
fn explain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::TimedOut => "no answer; is an engine serving there?".to_owned(),
        ConnectionError::ApplicationClosed(close) => {
            let code = u16::try_from(close.error_code.into_inner()).ok().and_then(ErrorCode::from_number);
            let name = code.map_or("code", ErrorCode::name);
            let text = String::from_utf8_lossy(&close.reason);
            format!("the engine closed it with {name} ({}): {text}", close.error_code)
        }
        ConnectionError::ConnectionClosed(close) if close.reason.is_empty() => {
            format!("the peer ended the handshake ({})", close.error_code)
        }
        error => error.to_string(),
    }
}

/// The transport settings of the client's side: no streams opened by the engine, keep-alive.
pub fn transport() -> TransportConfig {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_PACKETS));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .ack_frequency_config(Some(acks))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("ten seconds fit")));
    transport
}
