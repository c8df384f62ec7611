use crate::DecodeErrorKind;

/// A rule is broken by what stands at this place of the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: DecodeErrorKind,
    pub(crate) at: usize,
}
