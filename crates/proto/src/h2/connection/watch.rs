//! The frames of a connection as somebody who looks on sees them. Nothing is kept while nobody does.

use super::Connection;
use crate::h2::frame::{FrameHead, HEAD};

/// A frame that came, or is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// It is sent.
    pub sent: bool,
    /// Its head.
    pub head: FrameHead,
}

/// What was seen and not yet taken.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Vec<Seen>,
    /// Up to where the output was looked at, in all that was ever sent.
    position: u64,
}

impl Connection {
    /// From now on somebody looks, or nobody does.
    #[inline]
    pub fn watch(&mut self, on: bool) {
        if self.watch.is_some() != on {
            self.watch = on.then(|| {
                let (seen, position) = (Vec::new(), self.output.position());
                Box::new(Watch { seen, position })
            });
        }
    }

    /// Hands out what was seen since it was asked for last. To be asked before output is sent and after input came, so that
    /// no more is kept than what a buffer holds.
    pub fn take_seen(&mut self) -> Vec<Seen> {
        let Some(watch) = &mut self.watch else {
            return Vec::new();
        };
        let mut seen = std::mem::take(&mut watch.seen);
        let end = self.output.position();
        while watch.position < end {
            let Some(head) = self.output.head_at(watch.position) else {
                break;
            };
            seen.push(Seen { sent: true, head });
            watch.position += HEAD as u64 + u64::from(head.length);
        }
        watch.position = end;
        seen
    }

    /// A frame's head came.
    pub(super) fn note(&mut self, head: FrameHead) {
        if let Some(watch) = &mut self.watch {
            watch.seen.push(Seen { sent: false, head });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::{kind, write};
    use super::super::{Config, Connection, Role};

    #[test]
    fn frames_of_both_ways_are_seen_while_somebody_looks() {
        let mut connection = Connection::new(Config::new(Role::Client));
        connection.watch(true);
        assert!(connection.take_seen().is_empty(), "what was there before");
        let mut frames = Vec::new();
        write(&mut frames, kind::SETTINGS, 0, 0, &[]);
        write(&mut frames, kind::PING, 0, 0, &[0; 8]);
        connection.receive(&frames);
        let seen = connection.take_seen();
        let kinds: Vec<(bool, u8)> = seen.iter().map(|it| (it.sent, it.head.kind)).collect();
        assert_eq!(
            kinds,
            [
                (false, kind::SETTINGS),
                (false, kind::PING),
                (true, kind::SETTINGS),
                (true, kind::PING)
            ]
        );
        assert!(connection.take_seen().is_empty());
        connection.watch(false);
        connection.receive(&frames);
        assert!(connection.take_seen().is_empty());
    }
}
