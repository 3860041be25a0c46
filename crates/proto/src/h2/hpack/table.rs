//! The tables of HPACK: the fixed one and the one that both sides fill (RFC 7541 2.3, appendix A).

use std::collections::VecDeque;

/// The fields that fill while messages pass. The newest has the lowest index.
#[derive(Debug, Default)]
pub struct Table {
    text: Vec<u8>,
    /// The newest at the back; positions count from the first byte that was ever added.
    entries: VecDeque<Entry>,
    /// The position of the first byte of `text`.
    base: u64,
    size: usize,
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u64,
    name: u32,
    value: u32,
}

impl Entry {
    fn size(self) -> usize {
        self.name as usize + self.value as usize + OVERHEAD
    }
}

impl Table {
    /// An empty table that may grow to `limit`, as sizes are counted there.
    pub fn new(limit: usize) -> Table {
        Table {
            limit,
            ..Table::default()
        }
    }

    /// Sets the limit; what no longer fits goes.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.shrink_to(limit);
    }

    /// The field of an index that counts both tables, from 1.
    pub fn field(&self, index: usize) -> Option<(&[u8], &[u8])> {
        if let Some((name, value)) = index.checked_sub(1).and_then(|index| STATIC.get(index)) {
            return Some((name.as_bytes(), value.as_bytes()));
        }
        let back = index.checked_sub(STATIC.len() + 1)?;
        let entry = self
            .entries
            .get(self.entries.len().checked_sub(back + 1)?)?;
        let start = usize::try_from(entry.at - self.base).ok()?;
        let middle = start + entry.name as usize;
        let name = self.text.get(start..middle)?;
        let value = self.text.get(middle..middle + entry.value as usize)?;
        Some((name, value))
    }

    /// Adds a field. One that is larger than the table empties it.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len() + value.len() + OVERHEAD;
        if size > self.limit {
            self.shrink_to(0);
            return;
        }
        self.shrink_to(self.limit - size);
        let at = self.base + self.text.len() as u64;
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.entries.push_back(Entry {
            at,
            name: u32::try_from(name.len()).unwrap_or(u32::MAX),
            value: u32::try_from(value.len()).unwrap_or(u32::MAX),
        });
        self.size += size;
    }

    fn shrink_to(&mut self, most: usize) {
        while self.size > most {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.size -= entry.size();
        }
        let first = self
            .entries
            .front()
            .map_or(self.base + self.text.len() as u64, |entry| entry.at);
        let gone = usize::try_from(first - self.base).unwrap_or(usize::MAX);
        // Moved when as much is gone as is there, so that each byte moves about once.
        if gone > 0 && gone * 2 >= self.text.len() {
            self.text.drain(..gone.min(self.text.len()));
            self.base = first;
        }
    }
}

/// What each field counts beside its bytes.
const OVERHEAD: usize = 32;

/// The fixed table.
#[rustfmt::skip]
pub static STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_the_oldest_goes() {
        let mut table = Table::new(100);
        table.add(b"a", b"1");
        table.add(b"bb", b"22");
        assert_eq!(table.field(62), Some((&b"bb"[..], &b"22"[..])));
        assert_eq!(table.field(63), Some((&b"a"[..], &b"1"[..])));
        assert_eq!(table.field(64), None);
        table.add(b"ccc", b"333");
        assert_eq!(table.field(63), Some((&b"bb"[..], &b"22"[..])));
        assert_eq!(table.field(64), None);
        table.set_limit(40);
        assert_eq!(table.field(62), Some((&b"ccc"[..], &b"333"[..])));
        assert_eq!(table.field(63), None);
        table.add(b"much too long for it", b"");
        assert_eq!(table.field(62), None);
        assert_eq!(table.field(0), None);
        assert_eq!(table.field(2), Some((&b":method"[..], &b"GET"[..])));
        assert_eq!(table.field(61), Some((&b"www-authenticate"[..], &b""[..])));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut table = Table::new(4096);
        for round in 0..100_000u32 {
            table.add(&round.to_be_bytes(), b"some value");
            assert!(table.text.len() <= 8192);
        }
        let last = 99_999u32.to_be_bytes();
        assert_eq!(table.field(62).map(|field| field.0), Some(&last[..]));
    }
}
