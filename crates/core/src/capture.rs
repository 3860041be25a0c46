//! What an exchange captured for logs and for rules that come later: numbered slots of the request and of the response.

use std::cell::RefCell;

use bumpalo::Bump;

/// Which message a slot belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The request.
    Request,
    /// The response.
    Response,
}

/// The captures of one exchange. Slots come into being with the first capture, each holds as much as the configuration says,
/// and their memory is kept for the next exchange of the connection.
///
/// It is written through a shared reference, because a converter may capture; it lives on one worker.
#[derive(Debug, Default)]
pub struct Captures {
    request: RefCell<Vec<Slot>>,
    response: RefCell<Vec<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    is_set: bool,
    bytes: Vec<u8>,
}

impl Captures {
    /// Puts bytes into slot `index`, `most` at most; what was there before goes.
    pub fn write(&self, side: Side, index: usize, bytes: &[u8], most: usize) {
        let mut slots = self.slots(side).borrow_mut();
        if slots.len() <= index {
            slots.resize_with(index + 1, Slot::default);
        }
        if let Some(slot) = slots.get_mut(index) {
            slot.is_set = true;
            slot.bytes.clear();
            let length = bytes.len().min(most);
            slot.bytes.extend_from_slice(&bytes[..length]);
        }
    }

    /// The bytes of slot `index`; none when nothing was captured.
    pub fn read<'a>(&self, side: Side, index: usize, arena: &'a Bump) -> Option<&'a [u8]> {
        self.look(side, index, |bytes| {
            bytes.map(|bytes| &*arena.alloc_slice_copy(bytes))
        })
    }

    /// Looks at slot `index` without a copy.
    pub fn look<T>(&self, side: Side, index: usize, with: impl FnOnce(Option<&[u8]>) -> T) -> T {
        let slots = self.slots(side).borrow();
        let slot = slots.get(index).filter(|slot| slot.is_set);
        with(slot.map(|slot| slot.bytes.as_slice()))
    }

    /// Forgets everything; memory is kept.
    pub fn clear(&mut self) {
        for slot in self
            .request
            .get_mut()
            .iter_mut()
            .chain(self.response.get_mut())
        {
            slot.is_set = false;
            slot.bytes.clear();
        }
    }

    fn slots(&self, side: Side) -> &RefCell<Vec<Slot>> {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_cut_and_forgotten() {
        let arena = Bump::new();
        let mut captures = Captures::default();
        captures.write(Side::Request, 2, b"abcdef", 4);
        assert_eq!(captures.read(Side::Request, 2, &arena), Some(&b"abcd"[..]));
        assert_eq!(captures.read(Side::Request, 1, &arena), None);
        assert_eq!(captures.read(Side::Response, 2, &arena), None);
        captures.write(Side::Request, 2, b"", 4);
        assert_eq!(captures.read(Side::Request, 2, &arena), Some(&b""[..]));
        captures.clear();
        assert_eq!(captures.read(Side::Request, 2, &arena), None);
    }
}
