//! `-dCKEY`: names and addresses give way to 24 bits of their XXH32 under the key, and lines end where secrets may follow.

use std::net::IpAddr;

use hapax_core::span::Word;

use crate::section;
use crate::value::address::{Accept, AddressPlace, Host, Port, address};

/// Appends a line of the file.
pub(super) fn line(words: &[Word], key: u32, out: &mut Vec<u8>) {
    let word = |index: usize| words.get(index).map_or(&b""[..], |word| &word.text);
    let mut line = Line { key, out };
    if section::is_section_name(word(0)) {
        line.put(word(0));
        if words.len() > 1 {
            line.put(b" ");
            line.tagged("ID", word(1));
        }
        line.out.push(b'\n');
        return;
    }
    if words.is_empty() {
        return line.put(b"\t\n");
    }
    line.out.push(b'\t');
    let shown = match (word(0), word(1)) {
        (b"anonkey", _) => {
            line.words(&[b"anonkey", b"[...]"]);
            words.len()
        }
        (b"maxconn" | b"mode", _) => {
            line.words(&[word(0), word(1)]);
            words.len()
        }
        (b"timeout", _) => {
            line.words(&[word(0), word(1), word(2)]);
            words.len()
        }
        (b"stats", b"timeout" | b"maxconn") => {
            line.words(&[word(0), word(1), word(2)]);
            words.len()
        }
        (b"stats", b"auth") => {
            line.words(&[word(0), word(1), b""]);
            line.hash(word(2));
            words.len()
        }
        (b"stats", b"socket") => {
            line.words(&[word(0), word(1)]);
            if words.len() > 2 {
                line.put(b" ");
                line.address(word(2));
            }
            3
        }
        (b"errorfile", _) => {
            line.begin(&[word(0), word(1)]);
            line.tagged("PATH", word(2));
            words.len()
        }
        (b"redirect", b"location" | b"prefix") => {
            line.begin(&[word(0), word(1)]);
            line.tagged("PATH", word(2));
            3
        }
        (b"redirect", _) => {
            line.words(&[word(0), word(1), word(2)]);
            3
        }
        (b"default_backend", _) => {
            line.begin(&[word(0)]);
            line.tagged("ID", word(1));
            words.len()
        }
        (b"use_backend" | b"cookie" | b"user" | b"acl", _) => {
            line.begin(&[word(0)]);
            line.tagged("ID", word(1));
            match word(0) {
                b"acl" => {
                    line.put(b" ");
                    line.put(word(2));
                    3
                }
                b"cookie" if words.len() > 2 => {
                    line.put(b" ");
                    line.put(word(2));
                    3
                }
                _ => 2,
            }
        }
        (b"server" | b"peer" | b"nameserver", _) => {
            line.begin(&[word(0)]);
            line.tagged("ID", word(1));
            if words.len() > 2 || word(0) != b"server" {
                line.put(b" ");
                line.address(word(2));
            }
            3
        }
        (b"http-request" | b"http-response" | b"http-after-response", _) => {
            line.words(&[word(0), word(1)]);
            2
        }
        (b"bind" | b"source" | b"log", _) => {
            line.begin(&[word(0)]);
            match word(1) {
                own @ (b"stdout" | b"stderr" | b"global") => line.put(own),
                address => line.address(address),
            }
            2
        }
        _ => {
            let count = words.len().min(3);
            let texts: Vec<&[u8]> = (0..count).map(word).collect();
            line.words(&texts);
            count
        }
    };
    // Some lines are complete with what was shown; others say that more followed.
    let complete = matches!(
        (word(0), word(1)),
        (
            b"anonkey" | b"maxconn" | b"mode" | b"timeout" | b"errorfile" | b"default_backend",
            _
        ) | (b"stats", b"timeout" | b"maxconn" | b"auth")
    );
    if !complete {
        line.put(match words.len() > shown {
            true => b" [...]",
            false => b" ",
        });
    }
    line.out.push(b'\n');
}

struct Line<'o> {
    key: u32,
    out: &'o mut Vec<u8>,
}

impl Line<'_> {
    fn put(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// Words with blanks between them.
    fn words(&mut self, words: &[&[u8]]) {
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                self.put(b" ");
            }
            self.put(word);
        }
    }

    /// Words each of which has a blank behind it.
    fn begin(&mut self, words: &[&[u8]]) {
        self.words(words);
        self.put(b" ");
    }

    /// The hash of a text; nothing has none.
    fn hash(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.put(hapax_core::anonymous::hash(text, self.key).as_bytes());
        }
    }

    fn tagged(&mut self, tag: &str, text: &[u8]) {
        if !text.is_empty() {
            self.put(tag.as_bytes());
            self.put(b"(");
            self.hash(text);
            self.put(b")");
        }
    }

    /// An address; what names this machine only stays.
    fn address(&mut self, word: &[u8]) {
        if word.starts_with(b"fd@") || word.starts_with(b"sockpair@") {
            return self.put(word);
        }
        let Ok(parsed) = address(word, ACCEPT) else {
            return self.hash(word);
        };
        let (host, port) = match parsed.place {
            AddressPlace::Descriptor(_) | AddressPlace::SocketPair(_) => return self.put(word),
            AddressPlace::Unix(_) | AddressPlace::Abstract { .. } => return self.hash(word),
            AddressPlace::Inet(host, port) => (host, port),
        };
        let (tag, ip) = match host {
            Host::Any(_) => return self.put(word),
            Host::Name { name, .. } if name == "localhost" => return self.put(word),
            Host::Name { .. } => return self.hash(word),
            Host::Ip(ip) if ip.is_loopback() || ip == IpAddr::from([0, 0, 0, 0]) => {
                return self.put(word);
            }
            Host::Ip(ip) if ip.is_ipv4() => ("IPV4", ip),
            Host::Ip(ip) => ("IPV6", ip),
        };
        self.tagged(tag, ip.to_string().as_bytes());
        let port = match port {
            Port::None => 0,
            Port::One(port) | Port::Range(port, _) => i32::from(port),
            Port::Offset(offset) => offset,
        };
        if port != 0 {
            self.put(format!(":{}", port as u16).as_bytes());
        }
    }
}

const ACCEPT: Accept = Accept {
    port_required: false,
    port_range: true,
    port_offset: true,
    datagram: false,
    stream: true,
    descriptor: true,
    tail: false,
};
