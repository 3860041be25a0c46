//! The record layer of a connection whose handshake is over (RFC 8446 5, RFC 5246 6.2): bytes in, bytes out.
//!
//! rustls makes the handshake and hands over the keys; records are sealed and opened here, straight between the caller's
//! buffers. Keys that nobody needs for a while shrink to their secrets.

use std::fmt;

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use rustls::{ConnectionTrafficSecrets, ProtocolVersion};

/// What a record carries.
pub mod content {
    /// `change_cipher_spec`.
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    /// `alert`.
    pub const ALERT: u8 = 21;
    /// `handshake`.
    pub const HANDSHAKE: u8 = 22;
    /// `application_data`.
    pub const DATA: u8 = 23;
}

/// Bytes before the contents of a record.
pub const HEADER: usize = 5;
/// The most that a record may carry (RFC 8446 5.1).
pub const MOST_CONTENT: usize = 16384;
/// The most that stands around the contents of a record that is sealed here.
pub const MOST_AROUND: usize = HEADER + EXPLICIT + TAG + 1;
/// What an opened record may have beyond its contents (RFC 5246 6.2.3; RFC 8446 5.2 allows less).
const MOST_EXPANSION: usize = 2048;
const EXPLICIT: usize = 8;
const TAG: usize = 16;

/// Why bytes are not what the peer should have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Not what any version of TLS sends.
    #[error("bytes that are no record")]
    Malformed,
    /// It was changed on its way, or is not meant for this connection.
    #[error("a record that cannot be opened")]
    Forged,
    /// Its contents are too long.
    #[error("a record that is too long")]
    TooLong,
    /// A message that may not come now.
    #[error("a message that may not come after the handshake")]
    Unexpected,
    /// No more records may be sent with the key.
    #[error("the key is worn out")]
    WornOut,
    /// The peer says that it failed, with this number.
    #[error("alert {0}")]
    Alert(u8),
}

/// How nonces and what is authenticated are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Tls13,
    /// TLS 1.2 with a part of the nonce in the record.
    Explicit,
    /// TLS 1.2 with a nonce that both sides count.
    Implicit,
}

/// The key of one direction.
pub struct Key {
    algorithm: &'static Algorithm,
    secret: [u8; 32],
    iv: [u8; 12],
    form: Form,
    sequence: u64,
    /// None while the connection rests.
    ready: Option<LessSafeKey>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?} at {})", self.form, self.sequence)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.secret = [0; 32];
        // Keeps the line above from being thought useless.
        std::hint::black_box(&self.secret);
    }
}

impl Key {
    /// The key of a direction that goes on with record number `sequence`; none for what is not built.
    pub fn new(
        version: ProtocolVersion,
        sequence: u64,
        secrets: &ConnectionTrafficSecrets,
    ) -> Option<Key> {
        let (algorithm, key, iv, form) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => {
                (&AES_128_GCM, key, iv, Form::Explicit)
            }
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => {
                (&AES_256_GCM, key, iv, Form::Explicit)
            }
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
                (&CHACHA20_POLY1305, key, iv, Form::Implicit)
            }
            _ => return None,
        };
        let mut secret = [0; 32];
        secret
            .get_mut(..algorithm.key_len())?
            .copy_from_slice(key.as_ref().get(..algorithm.key_len())?);
        Some(Key {
            algorithm,
            secret,
            iv: iv.as_ref().try_into().ok()?,
            form: match version {
                ProtocolVersion::TLSv1_3 => Form::Tls13,
                _ => form,
            },
            sequence,
            ready: None,
        })
    }

    /// Forgets what can be made from the secret again.
    pub fn rest(&mut self) {
        self.ready = None;
    }

    /// Records so far.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether the next record should be one that changes the key (RFC 8446 5.5).
    pub fn is_worn(&self) -> bool {
        self.sequence >= MOST_RECORDS
    }

    fn ready(&mut self) -> Result<&LessSafeKey, RecordFault> {
        if self.ready.is_none() {
            let secret = &self.secret[..self.algorithm.key_len()];
            let key = UnboundKey::new(self.algorithm, secret).map_err(|_| RecordFault::Forged)?;
            self.ready = Some(LessSafeKey::new(key));
        }
        self.ready.as_ref().ok_or(RecordFault::Forged)
    }

    /// The nonce of the next record: the counter over the initial value.
    fn nonce(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, count) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= count;
        }
        nonce
    }

    /// What TLS 1.2 authenticates beside the contents.
    fn aad_2(&self, kind: u8, length: usize) -> [u8; 13] {
        let mut aad = [0; 13];
        aad[..8].copy_from_slice(&self.sequence.to_be_bytes());
        aad[8] = kind;
        aad[9..11].copy_from_slice(&VERSION);
        aad[11..].copy_from_slice(&(length as u16).to_be_bytes());
        aad
    }

    /// Bytes that a sealed record has beside its contents.
    pub fn around(&self) -> usize {
        HEADER
            + match self.form {
                Form::Tls13 => 1 + TAG,
                Form::Explicit => EXPLICIT + TAG,
                Form::Implicit => TAG,
            }
    }

    /// Writes a record with `first` and then `second` to the start of `into`, which has room for both and for
    /// [`around`](Self::around). Answers its length.
    ///
    /// # Errors
    /// When the key may not be used any more.
    pub fn seal(
        &mut self,
        kind: u8,
        first: &[u8],
        second: &[u8],
        into: &mut [u8],
    ) -> Result<usize, RecordFault> {
        if self.sequence >= LAST_RECORD {
            return Err(RecordFault::WornOut);
        }
        let length = first.len() + second.len();
        let whole = length + self.around();
        let into = into.get_mut(..whole).ok_or(RecordFault::TooLong)?;
        let (form, nonce) = (self.form, self.nonce());
        let (header, rest) = into.split_at_mut(HEADER);
        header[0] = match form {
            Form::Tls13 => content::DATA,
            _ => kind,
        };
        header[1..3].copy_from_slice(&VERSION);
        header[3..].copy_from_slice(&((whole - HEADER) as u16).to_be_bytes());
        let rest = match form {
            Form::Explicit => {
                let (explicit, rest) = rest.split_at_mut(EXPLICIT);
                explicit.copy_from_slice(&nonce[4..]);
                rest
            }
            _ => rest,
        };
        let (body, tail) = rest.split_at_mut(length);
        let inner = [kind];
        let extra: &[u8] = match form {
            Form::Tls13 => &inner,
            _ => &[],
        };
        let aad_2 = self.aad_2(kind, length);
        let aad: &[u8] = match form {
            Form::Tls13 => header,
            _ => &aad_2,
        };
        let nonce = Nonce::assume_unique_for_key(nonce);
        let key = self.ready()?;
        let sealed = if second.is_empty() || first.is_empty() {
            let only = if first.is_empty() { second } else { first };
            key.seal_out_of_place_scatter(nonce, Aad::from(aad), only, body, extra, tail)
        } else {
            let (one, other) = body.split_at_mut(first.len());
            one.copy_from_slice(first);
            other.copy_from_slice(second);
            key.seal_in_place_scatter(nonce, Aad::from(aad), body, extra, tail)
        };
        sealed.map_err(|_| RecordFault::Forged)?;
        self.sequence += 1;
        Ok(whole)
    }

    /// Opens a whole record, header included. The contents go to the start of `into` when they surely fit there, or
    /// stay in the record, from the place that is answered.
    ///
    /// # Errors
    /// What is wrong with the record; nothing more may be read then.
    pub fn open(&mut self, record: &mut [u8], into: &mut [u8]) -> Result<Opened, RecordFault> {
        if self.sequence >= LAST_RECORD {
            return Err(RecordFault::WornOut);
        }
        let (form, iv) = (self.form, self.iv);
        let mut nonce = self.nonce();
        let (header, rest) = record
            .split_at_mut_checked(HEADER)
            .ok_or(RecordFault::Malformed)?;
        let mut kind = header[0];
        let mut start = HEADER;
        let rest = match form {
            Form::Explicit => {
                let (explicit, rest) = rest
                    .split_at_mut_checked(EXPLICIT)
                    .ok_or(RecordFault::Malformed)?;
                nonce[..4].copy_from_slice(&iv[..4]);
                nonce[4..].copy_from_slice(explicit);
                start += EXPLICIT;
                rest
            }
            _ => rest,
        };
        let length = rest.len().checked_sub(TAG).ok_or(RecordFault::Malformed)?;
        let aad_2 = self.aad_2(kind, length);
        let aad: &[u8] = match form {
            // The first records of a peer may say TLS 1.0 (RFC 8446 5.1).
            Form::Tls13 => header,
            _ => &aad_2,
        };
        let nonce = Nonce::assume_unique_for_key(nonce);
        let key = self.ready()?;
        let moved = length <= into.len();
        let plain = match into.get_mut(..length) {
            Some(into) => {
                let (body, tag) = rest.split_at(length);
                key.open_separate_gather(nonce, Aad::from(aad), body, tag, into)
                    .map_err(|_| RecordFault::Forged)?;
                into
            }
            None => key
                .open_in_place(nonce, Aad::from(aad), rest)
                .map_err(|_| RecordFault::Forged)?,
        };
        let mut length = length;
        if form == Form::Tls13 {
            // Padding, then the real type (RFC 8446 5.4).
            let last = plain.iter().rposition(|byte| *byte != 0);
            length = last.ok_or(RecordFault::Unexpected)?;
            kind = plain.get(length).copied().unwrap_or_default();
        }
        if length > MOST_CONTENT {
            return Err(RecordFault::TooLong);
        }
        self.sequence += 1;
        Ok(Opened {
            kind,
            length,
            start: (!moved).then_some(start),
        })
    }
}

/// A record that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// What it carries.
    pub kind: u8,
    /// How much.
    pub length: usize,
    /// Where in the record it stands; none when it was moved.
    pub start: Option<usize>,
}

/// The length of the whole record at the start of `bytes`; none while its header is not complete.
///
/// # Errors
/// When no record begins so.
pub fn whole(bytes: &[u8]) -> Result<Option<usize>, RecordFault> {
    let [kind, major, _, high, low, ..] = *bytes else {
        return Ok(None);
    };
    if !(content::CHANGE_CIPHER_SPEC..=content::DATA).contains(&kind) || major != 3 {
        return Err(RecordFault::Malformed);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    match length > MOST_CONTENT + MOST_EXPANSION {
        true => Err(RecordFault::TooLong),
        false => Ok(Some(HEADER + length)),
    }
}

/// Whether the contents of a record with this header are data, as far as can be seen from outside.
pub fn may_be_data(header: &[u8]) -> bool {
    header.first() == Some(&content::DATA)
}

const VERSION: [u8; 2] = [3, 3];
/// AES-GCM is safe for 2^24.5 full records (RFC 8446 5.5).
const MOST_RECORDS: u64 = 1 << 24;
/// Long before a counter could come round.
const LAST_RECORD: u64 = 1 << 48;
