use crate::escape::Escapes;
use crate::{Command, Limits, OnUnreadable, Side, Tolerance, Version};

/// What a decoder goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) side: Side,
    pub(crate) version: Version,
    pub(crate) limits: Limits,
    pub(crate) tolerance: Tolerance,
    pub(crate) unreadable: OnUnreadable,
    /// Every message of the transport ends a frame.
    pub(crate) in_messages: bool,
}

impl Rules {
    /// Tells whether `command` is one that the peer may send.
    pub(crate) fn know(&self, command: Command) -> bool {
        command.side() == self.side && command.exists_in(self.version)
    }

    /// Tells whether a frame of `command` may have a body.
    pub(crate) fn allow_body(&self, command: Command) -> bool {
        command.may_have_body(self.version)
    }

    /// Tells how the headers of `command` are escaped.
    pub(crate) fn escapes(&self, command: Command) -> Escapes {
        match Escapes::of(command, self.version) {
            Escapes::V1_1 if self.tolerance.carriage_return_escape => Escapes::V1_2,
            escapes => escapes,
        }
    }

    /// Tells whether CR LF ends a line, as LF does.
    pub(crate) fn has_cr_lf(&self) -> bool {
        self.version == Version::V1_2 || self.tolerance.cr_lf
    }

    /// Tells whether CR has no other place than in front of LF.
    pub(crate) fn forbids_cr(&self) -> bool {
        self.version == Version::V1_2
    }

    /// Tells whether blanks in front of a value are no part of it, as the examples of 1.0 have it.
    pub(crate) fn pads_values(&self) -> bool {
        self.version == Version::V1_0
    }
}
