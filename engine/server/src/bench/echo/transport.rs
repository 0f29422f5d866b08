//! The echo's endpoints: TLS 1.3 and the transport settings of the gateway and of the client library.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, ServerConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::failure::Failure;

/// The name in the echo server's certificate.
pub(super) const SERVER_NAME: &str = "localhost";

const ALPN: &[u8] = b"vencejo-echo/1";

/// An endpoint on a free loopback port, and the certificate by which to know it.
pub(super) fn server_endpoint() -> Result<(Endpoint, CertificateDer<'static>), Failure> {
    let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()]).map_err(Failure::runtime)?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|tls| tls.with_no_client_auth().with_single_cert(vec![certificate.clone()], key))
        .map_err(Failure::runtime)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(Failure::runtime)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(vencejo_gateway::transport()));
    let endpoint = Endpoint::server(config, loopback()).map_err(Failure::runtime)?;
    Ok((endpoint, certificate))
}

/// An endpoint that trusts this certificate and no other.
pub(super) fn client_endpoint(certificate: &CertificateDer<'static>) -> Result<Endpoint, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).map_err(Failure::runtime)?;
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(Failure::runtime)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).map_err(Failure::runtime)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(vencejo_client::transport()));
    let mut endpoint = Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into()).map_err(Failure::runtime)?;
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
