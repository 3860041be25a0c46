//! Fields to header blocks. Nothing is added to the peer's table, so that blocks may be sent in any order.

use super::table::STATIC;

/// Appends a field. Names that the fixed table knows are one byte, and so are some whole fields.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    match name_index(name) {
        0 => {
            out.push(0);
            string(out, name);
        }
        index => integer(out, index, 4, 0),
    }
    string(out, value);
}

/// Appends a status.
pub fn status(out: &mut Vec<u8>, status: &[u8]) {
    let known = STATIC[7..14]
        .iter()
        .position(|(_, value)| value.as_bytes() == status);
    match known {
        Some(index) => out.push(0x80 | (index + 8) as u8),
        None => {
            integer(out, 8, 4, 0);
            string(out, status);
        }
    }
}

/// Appends a request's method.
pub fn method(out: &mut Vec<u8>, method: &[u8]) {
    match method {
        b"GET" => out.push(0x82),
        b"POST" => out.push(0x83),
        _ => {
            integer(out, 2, 4, 0);
            string(out, method);
        }
    }
}

/// Appends a request's scheme.
pub fn scheme(out: &mut Vec<u8>, scheme: &[u8]) {
    match scheme {
        b"http" => out.push(0x86),
        b"https" => out.push(0x87),
        _ => {
            integer(out, 6, 4, 0);
            string(out, scheme);
        }
    }
}

/// Appends a request's path.
pub fn path(out: &mut Vec<u8>, path: &[u8]) {
    match path {
        b"/" => out.push(0x84),
        _ => {
            integer(out, 4, 4, 0);
            string(out, path);
        }
    }
}

/// Appends a request's authority.
pub fn authority(out: &mut Vec<u8>, authority: &[u8]) {
    integer(out, 1, 4, 0);
    string(out, authority);
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    integer(out, text.len(), 7, 0);
    out.extend_from_slice(text);
}

fn integer(out: &mut Vec<u8>, value: usize, bits: u32, first: u8) {
    let most = (1usize << bits) - 1;
    if value < most {
        out.push(first | value as u8);
        return;
    }
    out.push(first | most as u8);
    let mut value = value - most;
    while value >= 128 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The index of a name in the fixed table, 0 when it is not there. Pseudo-headers are not looked for.
fn name_index(name: &[u8]) -> usize {
    let Some(bucket) = BY_LENGTH.get(name.len()) else {
        return 0;
    };
    bucket
        .iter()
        .take_while(|index| **index > 0)
        .map(|index| usize::from(*index))
        .find(|index| STATIC[index - 1].0.as_bytes() == name)
        .unwrap_or(0)
}

/// The indexes of names, by their length.
static BY_LENGTH: [[u8; WIDTH]; LONGEST + 1] = {
    let mut buckets = [[0; WIDTH]; LONGEST + 1];
    let mut index = FIRST_NAME;
    while index <= STATIC.len() {
        let length = STATIC[index - 1].0.len();
        let mut place = 0;
        while buckets[length][place] > 0 {
            place += 1;
        }
        buckets[length][place] = index as u8;
        index += 1;
    }
    buckets
};

const WIDTH: usize = 8;
const LONGEST: usize = 27;
/// The first that is no pseudo-header.
const FIRST_NAME: usize = 15;

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let long = "v".repeat(5000);
        let all = [
            ("content-type", "text/plain"),
            ("x-own", ""),
            ("set-cookie", long.as_str()),
            ("access-control-allow-origin", "*"),
        ];
        let mut block = Vec::new();
        status(&mut block, b"200");
        status(&mut block, b"418");
        method(&mut block, b"PATCH");
        scheme(&mut block, b"https");
        path(&mut block, b"/");
        path(&mut block, b"/a");
        authority(&mut block, b"h");
        for (name, value) in all {
            field(&mut block, name.as_bytes(), value.as_bytes());
        }
        let mut read = Vec::new();
        let own = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let decoded =
            Decoder::new(0).decode(&block, |name, value| read.push((own(name), own(value))));
        assert_eq!(decoded, Ok(()));
        let pseudo = [
            (":status", "200"),
            (":status", "418"),
            (":method", "PATCH"),
            (":scheme", "https"),
            (":path", "/"),
            (":path", "/a"),
            (":authority", "h"),
        ];
        let expected: Vec<_> = pseudo.iter().chain(&all).collect();
        assert_eq!(read.len(), expected.len());
        for (read, (name, value)) in read.iter().zip(expected) {
            assert_eq!((read.0.as_str(), read.1.as_str()), (*name, *value));
        }
    }
}
