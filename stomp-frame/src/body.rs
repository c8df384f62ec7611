use bytes::BytesMut;

use crate::DecodeErrorKind;
use crate::fault::Fault;
use crate::head::{ContentLength, Head};
use crate::looks::looked_at;
use crate::rules::Rules;

/// A body that is not complete yet. Places count from the first octet of the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    start: usize,
    end: End,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug)]
enum End {
    /// `content-length` tells this place.
    Known(usize),
    /// At the first NUL, of which there is none in front of this place.
    Nul(usize),
}

/// Where the parts of a complete frame are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Where the body begins.
    pub(crate) body: usize,
    /// Octets of the body.
    pub(crate) length: usize,
    /// Where the frame ends, behind its NUL.
    pub(crate) end: usize,
}

impl Body {
    /// Returns where the body begins.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Judges what a complete head says of the body, which begins at `start`.
    #[inline]
    pub(crate) fn announced(head: &Head, start: usize, rules: &Rules) -> Result<Self, Fault> {
        let body = |end| Self { start, end };
        let Some(ContentLength { line, octets }) = head.content_length() else {
            return Ok(body(End::Nul(start)));
        };
        let fault = |kind| Fault { kind, at: line };
        let length = octets.ok_or(fault(DecodeErrorKind::BadContentLength))?;
        let is_spare = length > 0 && !rules.allow_body(head.command());
        if is_spare && !rules.tolerance.spare_bodies {
            return Err(fault(DecodeErrorKind::BodyNotAllowed));
        }
        match usize::try_from(length) {
            Ok(octets) if length <= rules.limits.body.min(LONGEST) => {
                Ok(body(End::Known(start + octets)))
            }
            _ => Err(fault(DecodeErrorKind::BodyTooLong)),
        }
    }

    /// Reads on from where the last call stopped, and says where the parts of the frame are, once
    /// it is complete.
    #[inline]
    pub(crate) fn read(
        &mut self,
        src: &mut BytesMut,
        head: &Head,
        rules: &Rules,
    ) -> Result<Option<Extent>, Fault> {
        match self.end {
            End::Known(end) => self.read_counted(end, src, head, rules),
            End::Nul(scanned) => self.read_until_nul(scanned, src, head, rules),
        }
    }

    #[inline]
    fn read_counted(
        &self,
        end: usize,
        src: &mut BytesMut,
        head: &Head,
        rules: &Rules,
    ) -> Result<Option<Extent>, Fault> {
        match src.get(end) {
            Some(0) if rules.tolerance.spare_bodies => Ok(Some(self.kept(end, head, rules))),
            Some(0) => Ok(Some(self.extent(end))),
            Some(_) if rules.tolerance.short_content_length => Ok(Some(Extent {
                end,
                ..self.kept(end, head, rules)
            })),
            Some(_) => Err(Fault {
                kind: DecodeErrorKind::MissingNulAfterBody,
                at: end,
            }),
            None => {
                reserve_ahead(src, end + 1 - src.len());
                Ok(None)
            }
        }
    }

    fn read_until_nul(
        &mut self,
        scanned: usize,
        src: &[u8],
        head: &Head,
        rules: &Rules,
    ) -> Result<Option<Extent>, Fault> {
        let rest = &src[scanned..];
        let nul = memchr::memchr(0, rest);
        let octets = nul.unwrap_or(rest.len());
        looked_at(octets);
        let end = scanned + octets;
        self.end = End::Nul(end);
        let text = &src[self.start..end];
        let is_taken = rules.allow_body(head.command()) || rules.tolerance.spare_bodies;
        if text.is_empty() || is_taken {
            if text.len() as u64 > rules.limits.body {
                return Err(self.fault(DecodeErrorKind::BodyTooLong));
            }
            return Ok(nul.map(|_| self.kept(end, head, rules)));
        }
        // A CR may become a line end as long as nothing stands behind it.
        let is_line_end = matches!(text, b"\n" | b"\r\n") || nul.is_none() && text == b"\r";
        if !is_line_end || !rules.tolerance.spare_line_end {
            return Err(self.fault(DecodeErrorKind::BodyNotAllowed));
        }
        Ok(nul.map(|_| Extent {
            length: 0,
            ..self.extent(end)
        }))
    }

    fn fault(&self, kind: DecodeErrorKind) -> Fault {
        Fault {
            kind,
            at: self.start,
        }
    }

    fn extent(&self, nul: usize) -> Extent {
        Extent {
            body: self.start,
            length: nul - self.start,
            end: nul + 1,
        }
    }

    /// The same, without a body where there should be none.
    fn kept(&self, nul: usize, head: &Head, rules: &Rules) -> Extent {
        let extent = self.extent(nul);
        match rules.allow_body(head.command()) {
            true => extent,
            false => Extent {
                length: 0,
                ..extent
            },
        }
    }
}

/// No buffer holds more, so a longer body would never be complete, whatever the limit.
const LONGEST: u64 = (usize::MAX / 2) as u64;

/// How much buffer is asked for ahead of a body that has not arrived.
///
/// Asking at once for all that `content-length` says would save the buffer its growth, and let a
/// peer that sends 30 octets have 16 MiB.
const AHEAD: usize = 64 << 10;

/// Room for less than this is too little for a read.
const SMALL_READ: usize = 4 << 10;

/// Makes room for the next read of a body of which this much is missing.
#[cold]
fn reserve_ahead(src: &mut BytesMut, missing: usize) {
    if src.capacity() - src.len() < SMALL_READ {
        src.reserve(missing.min(AHEAD));
    }
}
