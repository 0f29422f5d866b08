//! The development certificate: made on first start, kept in the data folder.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vencejo_gateway::Identity;

use crate::failure::Failure;

const CERTIFICATE_FILE: &str = "dev-certificate.pem";
const KEY_FILE: &str = "dev-key.pem";

/// Names under which the engine is reached on its own host.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The identity kept in the data folder; folder and identity are made where they are missing.
///
/// # Errors
/// When the folder cannot be made or written, or holds something else under these names.
pub fn load_or_create(data: &Path) -> Result<Identity, Failure> {
    let unusable = |error: std::io::Error| {
        Failure::config(format!("the data folder {} cannot be used: {error}", data.display()))
    };
    let folder = data.join("tls");
    fs::create_dir_all(&folder).map_err(unusable)?;
    let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
    if certificate.exists() != key.exists() {
        let folder = folder.display();
        return Err(Failure::config(format!(
            "{folder} holds only one of {CERTIFICATE_FILE} and {KEY_FILE}; restore the other, or remove it to \
             have both made anew (clients that pin the fingerprint then need the new one)"
        )));
    }
    if !certificate.exists() {
        let (certificate_pem, key_pem) = create_pem()?;
        write_private(&key, &key_pem).map_err(unusable)?;
        fs::write(&certificate, certificate_pem).map_err(unusable)?;
    }
    read(&certificate, &key)
}

/// An identity that lives in memory only.
///
/// # Errors
/// When the random number generator fails.
pub fn ephemeral() -> Result<Identity, Failure> {
    let (certificate, key) = create_pem()?;
    let broken = |error: rustls::pki_types::pem::Error| Failure::runtime(error);
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(broken)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(broken)?;
    Ok(identity(vec![certificate], key))
}

/// The identity of a key: what else must be secret and stay the same is derived from it.
fn identity(certificates: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Identity {
    let from_key = hmac::Key::new(hmac::HMAC_SHA256, key.secret_der());
    let secret = hmac::sign(&from_key, b"vencejo: stateless resets and connection ids");
    let reset_key = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()));
    Identity { certificates, key, reset_key }
}

/// SHA-256 of the leaf certificate, in hexadecimal.
pub fn fingerprint(identity: &Identity) -> String {
    let leaf = identity.certificates.first().map(AsRef::as_ref).unwrap_or_default();
    let digest = ring::digest::digest(&ring::digest::SHA256, leaf);
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn create_pem() -> Result<(String, String), Failure> {
    let names = NAMES.map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| Failure::runtime(format!("no development certificate can be made: {error}")))?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}

fn write_private(path: &Path, pem: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(pem.as_bytes())
}

fn read(certificate: &PathBuf, key: &PathBuf) -> Result<Identity, Failure> {
    let unusable = |path: &Path, error: rustls::pki_types::pem::Error| {
        let path = path.display();
        Failure::config(format!(
            "{path} is not a usable PEM file ({error}); remove it to have a new one made"
        ))
    };
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(certificate, error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
    Ok(identity(certificates, key))
}
