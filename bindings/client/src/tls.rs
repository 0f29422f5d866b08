//! How the client knows the engine.

use std::net::IpAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// Which engine the client takes for genuine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Any certificate, but only at a loopback address: for an engine on the same host.
    #[default]
    Loopback,
    /// The certificate whose DER bytes have this SHA-256, wherever it is; `serve` prints it.
    Fingerprint([u8; 32]),
}

impl Trust {
    /// Reads a fingerprint as 64 hexadecimal digits, with or without colons.
    pub fn fingerprint_from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut fingerprint = [0_u8; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self::Fingerprint(fingerprint))
    }

    /// Whether an engine at this address can be trusted at all.
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        self != Self::Loopback || address.is_loopback()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The TLS side of a connection: TLS 1.3, this ALPN, no early data.
pub(crate) fn crypto(trust: Trust, alpn: &[u8]) -> Result<QuicClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier { trust, provider: Arc::clone(&provider) };
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    Ok(QuicClientConfig::try_from(tls).expect("TLS 1.3 of ring has QUIC's initial cipher suite"))
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = ring::digest::digest(&ring::digest::SHA256, end_entity);
        match self.trust {
            Trust::Loopback => Ok(ServerCertVerified::assertion()),
            Trust::Fingerprint(pinned) if shown.as_ref() == pinned => Ok(ServerCertVerified::assertion()),
            Trust::Fingerprint(_) => {
                let shown = hex(shown.as_ref());
                Err(Error::General(format!(
                    "the engine's certificate has the SHA-256 {shown}, not the given one"
                )))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
