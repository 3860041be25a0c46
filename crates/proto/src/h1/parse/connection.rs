//! Lines that belong to one hop: `connection`, and `upgrade` as far as it says what nobody asked for.

use smallvec::SmallVec;

use super::{FaultKind, Parser};
use crate::h1::fault::Fault;
use crate::http::values::trim;
use crate::http::{Kind, Name};

impl Parser<'_> {
    /// Takes `close` and `keep-alive` out of the connection lines (the engine writes its own), and an upgrade that
    /// is only half there out of a request; `h2c` is never passed on. Rules see the lines after this.
    pub(super) fn finish_connection(&mut self) -> Result<(), Fault> {
        let request = self.head.kind == Kind::Request;
        self.drop_h2c();
        if self.head.seen.upgrade_field {
            self.head.seen.upgrade_field = self.head.get(Name::Upgrade).is_some();
        }
        let upgrade = self.head.seen.upgrade && self.head.seen.upgrade_field;
        if request && !upgrade && self.head.seen.upgrade_field {
            self.head.remove_id(Name::Upgrade);
        }
        let drop_upgrade = request && !upgrade;
        if self.head.seen.connection {
            self.clean(Name::Connection, |token| {
                is_hop(token) || (drop_upgrade && token.eq_ignore_ascii_case(b"upgrade"))
            });
        }
        self.head.seen.upgrade = upgrade;
        self.head.seen.websocket &= upgrade;
        if request && self.head.seen.websocket {
            let key = self.head.get(Name::SecWebSocketKey).unwrap_or_default();
            if key.len() != 24 {
                self.refuse_or_note(FaultKind::BadWebSocketKey, self.at)?;
            }
        }
        Ok(())
    }

    /// Of trailers: what `finish_connection` takes out of a head in any case.
    pub(super) fn finish_trailers(&mut self) {
        self.drop_h2c();
        if self.head.seen.connection {
            self.clean(Name::Connection, is_hop);
        }
    }

    fn drop_h2c(&mut self) {
        if self.head.seen.upgrade_field {
            self.clean(Name::Upgrade, |token| token.eq_ignore_ascii_case(b"h2c"));
        }
    }

    /// Takes the tokens that are `own` out of every line named `id`, and the lines that are empty then.
    fn clean(&mut self, id: Name, own: impl Fn(&[u8]) -> bool) {
        let mut index = 0;
        while let Some(field) = self.head.fields.get(index) {
            if field.id == id && self.clean_line(index, &own) {
                self.head.remove_at(index);
            } else {
                index += 1;
            }
        }
    }

    /// Cleans one line, of a comma at its end too; tells whether nothing is left of it. What stood before the first token that goes stays as it
    /// is, the tokens behind are joined by bare commas, as upstream does.
    fn clean_line(&mut self, index: usize, own: &impl Fn(&[u8]) -> bool) -> bool {
        let value = self.head.value(index);
        let mut left: SmallVec<[u8; 64]> = SmallVec::new();
        let mut cut = false;
        let mut position = 0;
        for raw in value.split(|&byte| byte == b',') {
            let token = trim(raw);
            if own(token) {
                if !cut {
                    left.extend_from_slice(&value[..position.max(1) - 1]);
                }
                cut = true;
            } else if cut {
                if !left.is_empty() {
                    left.push(b',');
                }
                left.extend_from_slice(token);
            }
            position += raw.len() + 1;
        }
        if !cut {
            let bare = value.strip_suffix(b",").unwrap_or(value);
            if bare.iter().all(|byte| matches!(byte, b',' | b' ' | b'\t')) {
                return true;
            }
            if bare.len() == value.len() {
                return false;
            }
            left.extend_from_slice(bare);
        }
        let left = trim(&left);
        if left.is_empty() {
            return true;
        }
        self.head.set_value(index, left);
        false
    }
}

/// What the engine writes itself into a connection line.
fn is_hop(token: &[u8]) -> bool {
    token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive")
}
