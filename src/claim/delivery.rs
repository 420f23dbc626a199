//! What arrives in order: the frames of a channel, and the changes that watchers are told of.

use std::fmt;

/// One frame of an ordered channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The channel: one for each pair of nodes and direction.
    pub channel: u64,
    /// The number of the connection, increasing from connection to connection.
    pub epoch: u64,
    /// The number of the frame on its connection, from 1 without gaps.
    pub sequence: u64,
    /// The digest of its content.
    pub digest: u64,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channel, epoch, sequence, digest } = self;
        write!(f, "frame {sequence} ({digest:016x}) of epoch {epoch} on channel {channel}")
    }
}

/// A claim about deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// The sender put a frame on its channel: a leader that streams its log to a follower.
    FrameSent(Frame),
    /// The receiver took a frame from its channel and acts on it.
    FrameDelivered(Frame),
    /// A store changed an object: a node of the consistent core when it applies a write. Replicas that apply the same
    /// write claim the same.
    Changed {
        /// The object: a key, or a prefix that can be watched as a whole.
        object: u64,
        /// The revision of the store after the change, increasing.
        revision: u64,
    },
    /// The node watches an object, or resumes its watch after a reconnection.
    Watches {
        /// The watcher: unique in the run, the same when a watch is resumed.
        watcher: u64,
        /// The object.
        object: u64,
        /// The first revision that it wants to be told of.
        from: u64,
    },
    /// A watcher was told of a change: claimed where it watches, when it acts on it.
    Notified {
        /// The watcher.
        watcher: u64,
        /// The object.
        object: u64,
        /// The revision.
        revision: u64,
    },
    /// A watch is over, and the watcher knows: cancelled, or refused because the history was compacted.
    WatchEnded {
        /// The watcher.
        watcher: u64,
    },
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FrameSent(frame) => write!(f, "sends {frame}"),
            Self::FrameDelivered(frame) => write!(f, "takes {frame}"),
            Self::Changed { object, revision } => {
                write!(f, "changes object {object} at revision {revision}")
            }
            Self::Watches { watcher, object, from } => {
                write!(f, "watches object {object} from revision {from} on, as watcher {watcher}")
            }
            Self::Notified { watcher, object, revision } => {
                write!(f, "tells watcher {watcher} of revision {revision} of object {object}")
            }
            Self::WatchEnded { watcher } => write!(f, "ends watch {watcher}"),
        }
    }
}
