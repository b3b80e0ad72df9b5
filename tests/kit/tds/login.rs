//! The way in: what both sides can, and who it is.

use std::io;

use super::packet::{Fields, text_of};

/// What a client said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: String,
    /// The version of the protocol, as in `0x7400_0004`.
    pub(crate) version: u32,
}

/// The encryption that this server does: none.
const NOT_SUPPORTED: u8 = 2;

/// What a client says of encryption in its first message: 0 off, 1 on, 2 not supported, 3 required.
pub(super) fn encryption(body: &[u8]) -> io::Result<u8> {
    const ENCRYPTION: u8 = 1;
    let mut options = Fields(body);
    loop {
        let option = options.u8()?;
        if option == 0xFF {
            return Ok(NOT_SUPPORTED);
        }
        let [a, b, ..] = options.take(4)? else { return Err(io::ErrorKind::InvalidData.into()) };
        if option == ENCRYPTION {
            let at = usize::from(u16::from_be_bytes([*a, *b]));
            return body.get(at).copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The answer to it: a version, no encryption, no instance, no MARS.
pub(super) fn prelogin() -> Vec<u8> {
    let options: [(u8, &[u8]); 4] = [(0, &[16, 0, 0x03, 0xE8, 0, 0]), (1, &[NOT_SUPPORTED]), (2, &[0]), (4, &[0])];
    let mut at = u16::try_from(options.len() * 5 + 1).expect("few options");
    let (mut heads, mut values) = (Vec::new(), Vec::new());
    for (option, value) in options {
        let length = u16::try_from(value.len()).expect("short options");
        heads.push(option);
        heads.extend_from_slice(&at.to_be_bytes());
        heads.extend_from_slice(&length.to_be_bytes());
        values.extend_from_slice(value);
        at += length;
    }
    heads.push(0xFF);
    heads.append(&mut values);
    heads
}

impl Login {
    /// Who it is, and the password, which nobody is to print.
    pub(super) fn read(body: &[u8]) -> io::Result<(Login, String)> {
        let version = Fields(body.get(4..).unwrap_or_default()).u32()?;
        // Places and lengths of the texts follow one another, behind numbers.
        let bytes = |number: usize| {
            let mut place = Fields(body.get(36 + number * 4..).unwrap_or_default());
            let (at, length) = (usize::from(place.u16()?), usize::from(place.u16()?));
            body.get(at..at + length * 2).ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))
        };
        let hidden = bytes(2)?;
        let password: Vec<u8> = hidden.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
        let login = Login {
            user: text_of(bytes(1)?)?,
            application: text_of(bytes(3)?)?,
            database: text_of(bytes(8)?)?,
            version,
        };
        Ok((login, text_of(&password)?))
    }
}
