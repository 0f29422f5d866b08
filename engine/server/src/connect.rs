//! How commands reach an engine.

use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::Args;
use vencejo_client::{Client, Config, Trust};

use crate::failure::Failure;

/// Where the engine is and how to know it.
#[derive(Args, Clone, Debug)]
pub struct ConnectArgs {
    /// The engine's QUIC address, as its ready line tells.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7443", value_parser = parse_address)]
    pub connect: SocketAddr,
    /// SHA-256 of the engine's certificate, as `serve` prints it; needed unless the address is loopback.
    #[arg(long, value_name = "HEX", value_parser = parse_fingerprint)]
    pub fingerprint: Option<Trust>,
    /// The app that must be served there; any, if not given.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub app_name: String,
}

/// An address and port; names such as localhost are looked up, IPv4 first.
///
/// # Errors
/// When it is neither.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let found: Vec<_> =
        text.to_socket_addrs().map_err(|_| "write host:port, such as 127.0.0.1:7443")?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| "this name has no address".to_owned())
}

fn parse_fingerprint(text: &str) -> Result<Trust, String> {
    Trust::fingerprint_from_hex(text).ok_or_else(|| "a SHA-256 has 64 hexadecimal digits".to_owned())
}

impl ConnectArgs {
    /// The client's configuration.
    pub fn config(&self) -> Config {
        let trust = self.fingerprint.unwrap_or_default();
        Config { trust, app: self.app_name.clone(), ..Config::default() }
    }

    /// Connects.
    ///
    /// # Errors
    /// When there is no engine, or not the right one.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(Client::connect(self.connect, self.config()).await?)
    }
}

/// Runs a command's asynchronous part on this thread.
///
/// # Errors
/// As the command; or when the runtime cannot be made.
pub fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::runtime)?.block_on(command)
}
