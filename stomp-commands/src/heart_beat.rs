use std::fmt;
use std::str::FromStr;

use crate::FrameError;

/// What one side says about heart-beats, in milliseconds (1.1 and 1.2, "Heart-beating").
///
/// ```
/// use std::time::Duration;
/// use stomp_commands::{HeartBeat, negotiate};
///
/// let ours = HeartBeat::new(10_000, 5_000);
/// let theirs: HeartBeat = "0,20000".parse()?;
/// let agreed = negotiate::heart_beat(ours, theirs);
/// assert_eq!(agreed.send, Some(Duration::from_secs(20)));
/// assert_eq!(agreed.receive, None); // the server cannot
/// # Ok::<_, stomp_commands::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct HeartBeat {
    /// The sender promises something at least this often, in ms. 0 promises nothing.
    pub send_ms: u64,
    /// The sender would like to get something at least this often, in ms. 0 asks for nothing.
    pub receive_ms: u64,
}

impl HeartBeat {
    /// No heart-beats in either direction: `0,0`, which is also what a missing header means.
    pub const NONE: Self = Self::new(0, 0);

    /// Makes an offer out of two periods in milliseconds.
    #[must_use]
    pub const fn new(send_ms: u64, receive_ms: u64) -> Self {
        Self {
            send_ms,
            receive_ms,
        }
    }

    /// Tells whether this is `0,0`.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// Writes `send,receive` as the header has it.
impl fmt::Display for HeartBeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.send_ms, self.receive_ms)
    }
}

/// Reads exactly `digits,digits`: no blanks, no signs, no third number.
///
/// A number above 2^64 - 1 is taken for 2^64 - 1: both mean never.
impl FromStr for HeartBeat {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Self, FrameError> {
        let (send, receive) = text.split_once(',').ok_or(FrameError::BadHeartBeat)?;
        Ok(Self::new(millis(send)?, millis(receive)?))
    }
}

fn millis(digits: &str) -> Result<u64, FrameError> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FrameError::BadHeartBeat);
    }
    Ok(digits.parse().unwrap_or(u64::MAX)) // only overflow is left to fail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_numbers_with_a_comma_are_a_heart_beat() {
        assert_eq!("1,2".parse(), Ok(HeartBeat::new(1, 2)));
        assert_eq!("0,0".parse(), Ok(HeartBeat::NONE));
        assert_eq!("007,0".parse(), Ok(HeartBeat::new(7, 0)));
        for bad in [
            "", "1", "2", ",", ",2", "2,", "1,2,3", "-1,0", "0,-1", "-1,-1", "+1,2", "1, 2",
            " 1,2", "1,2 ", "a,b", "1.5,2", "٣,1", "None",
        ] {
            assert_eq!(
                bad.parse::<HeartBeat>(),
                Err(FrameError::BadHeartBeat),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn numbers_beyond_64_bits_mean_never() {
        let huge = "99999999999999999999999999,1".parse();
        assert_eq!(huge, Ok(HeartBeat::new(u64::MAX, 1)));
    }
}
