//! `idle-ping`: whether the other side of an idle connection is still there.

use hapax_proto::h2::Connection;

use crate::wheel::NEVER;

/// See the module text.
#[derive(Debug)]
pub struct Pulse {
    /// Milliseconds between two pings, the time for an answer too.
    every: Option<u32>,
    /// When to look again.
    due: u64,
    asked: bool,
    /// When the last answer was seen; 0 before the first.
    pub answered: u64,
}

/// The other side did not answer.
#[derive(Debug)]
pub struct Silent;

impl Pulse {
    /// Pings are sent as often as that; none sends none.
    pub fn new(every: Option<u32>) -> Pulse {
        Pulse {
            every,
            due: NEVER,
            asked: false,
            answered: 0,
        }
    }

    /// The connection is busy, and known to be alive by that.
    pub fn stop(&mut self) {
        self.due = NEVER;
    }

    /// Asks when it is time to. Gives when to come again.
    pub fn beat(&mut self, connection: &mut Connection, now: u64) -> Result<u64, Silent> {
        let Some(every) = self.every else {
            return Ok(NEVER);
        };
        if self.asked && !connection.is_pinged() {
            self.asked = false;
            self.answered = now;
        }
        if self.due == NEVER {
            self.due = now + u64::from(every);
        }
        if now >= self.due {
            if connection.is_pinged() {
                return Err(Silent);
            }
            connection.ping();
            self.asked = true;
            self.due = now + u64::from(every);
        }
        Ok(self.due)
    }
}

#[cfg(test)]
mod tests {
    use hapax_proto::h2::frame::{flag, kind, write};
    use hapax_proto::h2::{Config, Role};

    use super::*;

    // exercises: bind/idle-ping server/idle-ping
    #[test]
    fn who_answers_stays() {
        let mut connection = Connection::new(Config::new(Role::Client));
        let mut frames = Vec::new();
        write(&mut frames, kind::SETTINGS, 0, 0, &[]);
        connection.receive(&frames);
        let mut none = Pulse::new(None);
        assert!(matches!(none.beat(&mut connection, 5), Ok(NEVER)));
        let mut pulse = Pulse::new(Some(100));
        assert!(matches!(pulse.beat(&mut connection, 1000), Ok(1100)));
        assert!(!connection.is_pinged());
        assert!(matches!(pulse.beat(&mut connection, 1100), Ok(1200)));
        assert!(connection.is_pinged());
        let mut answer = Vec::new();
        write(&mut answer, kind::PING, flag::ACK, 0, &[0; 8]);
        connection.receive(&answer);
        assert!(matches!(pulse.beat(&mut connection, 1150), Ok(1200)));
        assert_eq!(pulse.answered, 1150);
        assert!(matches!(pulse.beat(&mut connection, 1200), Ok(1300)));
        assert!(matches!(pulse.beat(&mut connection, 1300), Err(Silent)));
        pulse.stop();
        assert!(matches!(pulse.beat(&mut connection, 5000), Ok(5100)));
    }
}
