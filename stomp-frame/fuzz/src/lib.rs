//! Inputs of fuzz targets that are made to be read: a few octets of choices, counted from the digit
//! `0`, and then the matter itself. So a seed, or a crash, can be understood in a text editor.

use stomp_frame::{Side, Tolerance, Version};

/// The octets in front of an input, each a choice: `0` is the first, `1` the second, and so on.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn of(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// A number below `count`, the first one once the input is used up.
    pub fn below(&mut self, count: usize) -> usize {
        let Some((choice, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(choice.wrapping_sub(b'0')) % count
    }

    pub fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N]) -> T {
        all[self.below(N)]
    }

    pub fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    pub fn side(&mut self) -> Side {
        self.one_of([Side::Client, Side::Server])
    }

    pub fn version(&mut self) -> Version {
        self.one_of(Version::ALL)
    }

    /// One bit for each tolerance: `0` is strict, `O` is lenient but for escapes.
    pub fn tolerance(&mut self) -> Tolerance {
        let bits = self.below(64);
        let mut tolerance = Tolerance::strict();
        tolerance.cr_lf = bits & 1 != 0;
        tolerance.nul_between_frames = bits & 2 != 0;
        tolerance.nul_in_headers = bits & 4 != 0;
        tolerance.invalid_utf8 = bits & 8 != 0;
        tolerance.spare_line_end = bits & 16 != 0;
        tolerance.carriage_return_escape = bits & 32 != 0;
        tolerance
    }

    /// What follows the choices.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}
