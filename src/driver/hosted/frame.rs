//! Frames: a type and a body, written and read number by number.

use crate::error::{Error, ErrorKind, Result};

/// The most that the length of a frame says.
pub(super) const MAX: usize = 0x3FFF_FFFF;

/// The length that stands for no text at all.
const NONE: u32 = u32::MAX;

/// A frame on its way out. Its length is filled in at the end.
#[derive(Debug)]
pub(super) struct Frame(Vec<u8>);

impl Frame {
    pub(super) fn new(kind: u8) -> Frame {
        Frame(vec![0, 0, 0, 0, kind])
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Frame {
        self.0.push(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Frame {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Frame {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Frame {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Frame {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Frame {
        self.raw(&value.to_be_bytes())
    }

    /// Bytes without their length.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Frame {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A number of things; one past 32 bits makes the frame too long to be sent in any case.
    pub(super) fn count(&mut self, count: usize) -> &mut Frame {
        self.u32(u32::try_from(count).unwrap_or(NONE))
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Frame {
        self.count(bytes.len()).raw(bytes)
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Frame {
        self.bytes(text.as_bytes())
    }

    /// What it holds so far, without its length.
    pub(super) fn len(&self) -> usize {
        self.0.len() - 4
    }

    /// Room for what is written by somebody else.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// The bytes to be sent.
    ///
    /// # Errors
    /// `Limit` for a frame that is longer than frames may be.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        let length = self.len();
        if length > MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "{length} bytes in one message to the driver's process, which takes {MAX}; send the values in parts"
                ),
            ));
        }
        self.0[..4].copy_from_slice(&(length as u32).to_be_bytes());
        Ok(self.0)
    }
}

/// A body that is read from its start to its end. What does not fit is garbage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'b>(pub(super) &'b [u8]);

impl<'b> Body<'b> {
    pub(super) fn raw(&mut self, length: usize) -> Result<&'b [u8]> {
        let Some((head, rest)) = self.0.split_at_checked(length) else {
            return Err(garbage(format_args!("{length} bytes where {} are left", self.0.len())));
        };
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.0.split_first_chunk() else {
            return Err(garbage(format_args!("{N} bytes where {} are left", self.0.len())));
        };
        self.0 = rest;
        Ok(*head)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    #[inline]
    pub(super) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// The number of things that take at least one byte each, so that room can be made for them.
    pub(super) fn count(&mut self) -> Result<usize> {
        let count = self.u32()? as usize;
        if count > self.0.len() {
            return Err(garbage(format_args!("{count} things in {} bytes", self.0.len())));
        }
        Ok(count)
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'b [u8]> {
        let length = self.u32()? as usize;
        self.raw(length)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'b str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| garbage("text that is not UTF-8"))
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<&'b str>> {
        if self.0.starts_with(&NONE.to_be_bytes()) {
            self.u32()?;
            return Ok(None);
        }
        self.text().map(Some)
    }

    /// That nothing is left.
    pub(super) fn end(self) -> Result<()> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(garbage(format_args!("{left} bytes behind the end of a message"))),
        }
    }
}

/// What nobody who speaks the protocol would send.
#[cold]
pub(super) fn garbage(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::ConnectionLost, format!("the driver's process sent what cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let mut frame = Frame::new(7);
        frame.u8(1).u16(2).u32(3).u64(4).i32(-5).i64(-6).text("sieben").bytes(&[8]).u32(NONE);
        let bytes = frame.finish().expect("short");
        assert_eq!(bytes.len() - 4, u32::from_be_bytes(bytes[..4].try_into().expect("four")) as usize);
        let mut body = Body(&bytes[4..]);
        assert_eq!(body.u8().expect("type"), 7);
        assert_eq!((body.u8().expect("u8"), body.u16().expect("u16"), body.u32().expect("u32")), (1, 2, 3));
        assert_eq!((body.u64().expect("u64"), body.i32().expect("i32"), body.i64().expect("i64")), (4, -5, -6));
        assert_eq!((body.text().expect("text"), body.bytes().expect("bytes")), ("sieben", &[8][..]));
        assert_eq!(body.optional_text().expect("none"), None);
        body.end().expect("the end");
    }

    #[test]
    fn lengths_are_never_believed() {
        for bytes in [&[0, 0, 0, 9, 1][..], &[0xff, 0xff, 0xff, 0xfe], &[1, 2]] {
            assert_eq!(Body(bytes).bytes().expect_err("short").kind(), ErrorKind::ConnectionLost);
            assert!(Body(bytes).count().is_err());
        }
        assert!(Body(&[0, 0, 0, 1, 0xff]).text().is_err());
        assert!(Body(&[0]).end().is_err());
    }
}
