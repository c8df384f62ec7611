//! What two peers settle on: versions and heart-beats. Pure functions, for both sides.

use std::time::Duration;

use stomp_frame::Version;

use crate::{FrameError, HeartBeat};

/// How often each side has to show life. `None` is a direction without heart-beats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Agreed {
    /// We have to send something at least this often.
    pub send: Option<Duration>,
    /// The peer has to send something at least this often.
    pub receive: Option<Duration>,
}

/// Settles the heart-beats of both directions, from the point of view of `ours`.
///
/// The period of a direction is the slower of what its sender can and what its receiver wants;
/// there is none if either says 0 (1.2, "Heart-beating").
#[must_use]
pub fn heart_beat(ours: HeartBeat, theirs: HeartBeat) -> Agreed {
    Agreed {
        send: period(ours.send_ms, theirs.receive_ms),
        receive: period(theirs.send_ms, ours.receive_ms),
    }
}

fn period(can: u64, wants: u64) -> Option<Duration> {
    (can > 0 && wants > 0).then(|| Duration::from_millis(can.max(wants)))
}

/// Reads the `version` of CONNECTED, as the client that offered `offered`.
///
/// A missing header means 1.0 (1.1 and 1.2, "Protocol Negotiation").
///
/// # Errors
///
/// [`VersionNotOffered`](FrameError::VersionNotOffered) when the server chose a version outside the
/// offer, 1.0 included, or one that does not exist.
pub fn chosen_version(version: Option<&str>, offered: &[Version]) -> Result<Version, FrameError> {
    let chosen = match version {
        None => Version::V1_0,
        // 1.0 pads values, and this header is read before it is known whether it is 1.0.
        Some(text) if text.trim_start_matches(BLANKS) == "1.0" => Version::V1_0,
        Some(text) => text.parse().map_err(|_| FrameError::VersionNotOffered)?,
    };
    if offered.contains(&chosen) {
        Ok(chosen)
    } else {
        Err(FrameError::VersionNotOffered)
    }
}

/// Chooses the version of a connection, as a server that speaks `supported`: the highest common one.
///
/// # Errors
///
/// [`NoCommonVersion`](FrameError::NoCommonVersion): answer ERROR with a `version` header that
/// lists the supported versions, and close.
pub fn common_version(
    accept_version: Option<&str>,
    supported: &[Version],
) -> Result<Version, FrameError> {
    offered_versions(accept_version)
        .into_iter()
        .filter(|version| supported.contains(version))
        .max()
        .ok_or(FrameError::NoCommonVersion)
}

/// Reads `accept-version`, in increasing order; without the header it is 1.0 alone.
///
/// Members are separated by commas, blanks around them do not count, those that do not exist (yet)
/// are skipped.
#[must_use]
pub fn offered_versions(accept_version: Option<&str>) -> Vec<Version> {
    let Some(list) = accept_version else {
        return vec![Version::V1_0];
    };
    let mut versions: Vec<_> = list
        .split(',')
        .filter_map(|member| member.trim_matches(BLANKS).parse().ok())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// Writes a list of versions as `accept-version`, and `version` of ERROR, have it: in increasing
/// order, each once.
#[must_use]
pub fn version_list(versions: &[Version]) -> String {
    let listed = Version::ALL
        .iter()
        .filter(|version| versions.contains(version));
    let names: Vec<_> = listed.map(|version| version.as_str()).collect();
    names.join(",")
}

/// What may stand around a value without being part of it.
const BLANKS: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;
    use Version::{V1_0, V1_1, V1_2};

    #[test]
    fn client_takes_what_it_offered_and_nothing_else() {
        let all = &Version::ALL[..];
        let cases: [(_, &[Version], _); 12] = [
            (None, all, Some(V1_0)),
            (None, &[V1_0], Some(V1_0)),
            (None, &[V1_1, V1_2], None),
            (Some("1.0"), all, Some(V1_0)),
            (Some("\t 1.0"), all, Some(V1_0)),
            (Some("1.0"), &[V1_1], None),
            (Some("1.1"), all, Some(V1_1)),
            (Some("1.2"), &[V1_0, V1_1], None),
            (Some("1.0 "), all, None),
            (Some(" 1.2"), all, None),
            (Some("2.0"), all, None),
            (Some(""), all, None),
        ];
        for (version, offered, expected) in cases {
            let expected = expected.ok_or(FrameError::VersionNotOffered);
            assert_eq!(chosen_version(version, offered), expected, "{version:?}");
        }
    }

    #[test]
    fn server_chooses_the_highest_common_version() {
        let all = &Version::ALL[..];
        let cases: [(_, &[Version], _); 12] = [
            (None, all, Some(V1_0)),
            (None, &[V1_1, V1_2], None),
            (Some("1.0,1.1,1.2"), all, Some(V1_2)),
            (Some("1.2,1.0"), &[V1_0, V1_1], Some(V1_0)),
            (Some(" 1.0\t, 1.1 "), all, Some(V1_1)),
            (Some("1.1,2.0,1.15"), all, Some(V1_1)),
            (Some(",,1.0,"), all, Some(V1_0)),
            (Some("1.10"), all, None),
            (Some("v1.2"), all, None),
            (Some("2.0"), all, None),
            (Some(""), all, None),
            (Some("1.2"), &[V1_1], None),
        ];
        for (accept, supported, expected) in cases {
            let expected = expected.ok_or(FrameError::NoCommonVersion);
            assert_eq!(common_version(accept, supported), expected, "{accept:?}");
        }
    }

    #[test]
    fn lists_of_versions_are_written_without_blanks() {
        assert_eq!(version_list(&Version::ALL), "1.0,1.1,1.2");
        assert_eq!(version_list(&[V1_2, V1_0, V1_2]), "1.0,1.2");
        assert_eq!(offered_versions(Some("1.2, 1.1,1.2")), [V1_1, V1_2]);
    }

    #[test]
    fn each_direction_is_the_slower_of_can_and_wants() {
        let ms = |n| Some(Duration::from_millis(n));
        let cases = [
            ((0, 0), (0, 0), None, None),
            ((0, 0), (1, 1), None, None),
            ((1, 1), (0, 0), None, None),
            ((1, 0), (0, 2), ms(2), None),
            ((2, 0), (0, 1), ms(2), None),
            ((0, 3), (4, 0), None, ms(4)),
            ((10, 20), (30, 40), ms(40), ms(30)),
            ((50, 20), (10, 40), ms(50), ms(20)),
        ];
        for (ours, theirs, send, receive) in cases {
            let agreed = heart_beat(
                HeartBeat::new(ours.0, ours.1),
                HeartBeat::new(theirs.0, theirs.1),
            );
            assert_eq!(agreed, Agreed { send, receive }, "{ours:?} {theirs:?}");
        }
    }
}
