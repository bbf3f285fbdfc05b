//! Mechanisms that never send the password: SCRAM (RFC 5802, RFC 7677) and CRAM-MD5 (RFC 2195). What should be random is
//! what the RFCs' examples have, so that those can be replayed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How often the password is hashed.
const ROUNDS: u32 = 4096;
/// The challenge of CRAM-MD5.
pub(super) const CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";

/// Which SCRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    /// What the server's part of the nonce is, and the salt.
    fn nonce_and_salt(self) -> (&'static str, &'static str) {
        match self {
            Self::Sha1 => ("3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92"),
            Self::Sha256 => ("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ=="),
        }
    }

    fn salted(self, password: &str) -> Vec<u8> {
        let salt = STANDARD.decode(self.nonce_and_salt().1).unwrap_or_default();
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password.as_bytes(), &salt, ROUNDS).to_vec(),
            Self::Sha256 => {
                pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, ROUNDS).to_vec()
            }
        }
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, text),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, text),
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// A SCRAM exchange after the first message of each side.
#[derive(Debug, Clone)]
pub(super) struct Scram {
    hash: Hash,
    /// Who wants to act as `user`.
    pub(super) who: String,
    pub(super) user: String,
    /// `n,a=…,`, as the client sent it.
    header: String,
    client_first: String,
    server_first: String,
    nonce: String,
}

impl Scram {
    /// Reads the client's first message; None where it is none, or wants channel binding.
    pub(super) fn begin(hash: Hash, message: &str) -> Option<Self> {
        let (binding, rest) = message.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        if !matches!(binding, "n" | "y") {
            return None;
        }
        let name = |text: &str| text.replace("=2C", ",").replace("=3D", "=");
        let mut parts = bare.split(',');
        let who = name(parts.next()?.strip_prefix("n=")?);
        let theirs = parts.next()?.strip_prefix("r=")?;
        let (ours, salt) = hash.nonce_and_salt();
        Some(Self {
            hash,
            user: authzid.strip_prefix("a=").map_or_else(|| who.clone(), name),
            who,
            header: message[..message.len() - bare.len()].to_owned(),
            client_first: bare.to_owned(),
            server_first: format!("r={theirs}{ours},s={salt},i={ROUNDS}"),
            nonce: format!("{theirs}{ours}"),
        })
    }

    /// The server's first message.
    pub(super) fn challenge(&self) -> &str {
        &self.server_first
    }

    /// Reads the client's last message; gives the server's last where it proves that the client has the password.
    pub(super) fn end(&self, message: &str, password: &str) -> Option<String> {
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut parts = without_proof.split(',');
        let binding = STANDARD.decode(parts.next()?.strip_prefix("c=")?).ok()?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        if binding != self.header.as_bytes() || nonce != self.nonce {
            return None;
        }
        let said = format!("{},{},{without_proof}", self.client_first, self.server_first);
        let salted = self.hash.salted(password);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let signature = self.hash.hmac(&self.hash.digest(&client_key), said.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        if STANDARD.decode(proof).ok()? != expected {
            return None;
        }
        let server_key = self.hash.hmac(&salted, b"Server Key");
        Some(format!("v={}", STANDARD.encode(self.hash.hmac(&server_key, said.as_bytes()))))
    }
}

/// Whether the answer to [`CHALLENGE`] proves that the client has the password.
pub(super) fn cram_md5_proves(password: &str, digest: &str) -> bool {
    let expected = mac::<Hmac<Md5>>(password.as_bytes(), CHALLENGE.as_bytes());
    let hex: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    hex == digest
}
