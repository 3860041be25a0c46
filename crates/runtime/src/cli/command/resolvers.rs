//! `show resolvers`: what is counted of name servers.

use std::fmt::Write as _;
use std::io::Write as _;

use hapax_core::live::Live;
use hapax_core::program::Program;
use hapax_core::resolution::NameserverCount;

use super::{Answer, Call};
use crate::stats::value::StatValue;

/// `show resolvers [SECTION]`.
pub fn show(call: &mut Call<'_>) -> Answer {
    let wanted = call.arg(0);
    let sections = &call.program.live.resolvers;
    if !wanted.is_empty() && !sections.iter().any(|section| section.ir.name == wanted) {
        return Answer::Refused("Can't find that resolvers section\n".into());
    }
    let mut text = String::new();
    for section in sections {
        let name = &section.ir.name;
        if !wanted.is_empty() && wanted != name {
            continue;
        }
        let _ = writeln!(text, "Resolvers section {name}");
        for (nameserver, counters) in section.ir.nameservers.iter().zip(&section.nameservers) {
            let _ = writeln!(text, " nameserver {}:", nameserver.name);
            for what in NameserverCount::ALL {
                let label = format!("{}:", what.name());
                let _ = writeln!(text, "  {label:<12} {}", counters.value(what));
            }
        }
    }
    call.out.extend_from_slice(text.as_bytes());
    Answer::Written
}

/// `show stat domain resolvers [typed|json] [desc]`: the same, a row for each name server. Other words are passed over.
pub fn stat(program: &Program, words: &[String], out: &mut Vec<u8>) -> Answer {
    let has = |word: &str| words.iter().any(|known| known == word);
    let live = &program.live;
    let text = if has("typed") {
        typed(live, has("desc")).into_bytes()
    } else if has("json") {
        json(live)
    } else {
        csv(live).into_bytes()
    };
    out.extend_from_slice(&text);
    Answer::Written
}

/// Name servers: their names, those of their sections, and what was counted.
fn rows(live: &Live) -> impl Iterator<Item = (&str, &str, Vec<u64>)> {
    live.resolvers.iter().flat_map(|section| {
        let nameservers = section.ir.nameservers.iter().zip(&section.nameservers);
        nameservers.map(|(nameserver, counters)| {
            let counts = NameserverCount::ALL.map(|what| counters.value(what));
            let names = (nameserver.name.as_str(), section.ir.name.as_str());
            (names.0, names.1, counts.to_vec())
        })
    })
}

fn csv(live: &Live) -> String {
    let mut text = "# id,pid,".to_owned();
    for what in NameserverCount::ALL {
        text += what.column();
        text.push(',');
    }
    text.push('\n');
    for (name, section, counts) in rows(live) {
        // Writing to memory cannot fail.
        let _ = write!(text, "{name},{section},");
        for count in counts {
            let _ = write!(text, "{count},");
        }
        text.push('\n');
    }
    text
}

fn typed(live: &Live, described: bool) -> String {
    let mut text = String::new();
    let end = |text: &mut String, title: &str| {
        // Writing to memory cannot fail.
        let _ = match described {
            true => writeln!(text, ":\"{title}\""),
            false => writeln!(text),
        };
    };
    for (name, section, counts) in rows(live) {
        for (at, what, value, title) in [(0, "id", name, "ID"), (1, "pid", section, "Parent ID")] {
            let _ = write!(text, "N.{at}.{what}:CGP:str:{value}");
            end(&mut text, title);
        }
        for (at, (what, count)) in NameserverCount::ALL.iter().zip(counts).enumerate() {
            let _ = write!(text, "N.{}.{}:MGP:u64:{count}", at + 2, what.column());
            end(&mut text, what.title());
        }
    }
    text
}

fn json(live: &Live) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (row, (name, section, counts)) in rows(live).enumerate() {
        out.extend_from_slice(if row == 0 { b"[" } else { b",[" });
        let mut field = |at: usize, name: &str, origin: &str, kind: &str, value: &StatValue<'_>| {
            // Writing to memory cannot fail.
            let _ = write!(
                out,
                "{}{{\"field\":{{\"pos\":{at},\"name\":\"{name}\"}},\"tags\":{{\"origin\":\"{origin}\",\"nature\":\"Gauge\",\
                 \"scope\":\"Process\"}},\"value\":{{\"type\":\"{kind}\",\"value\":",
                if at == 0 { "" } else { "," }
            );
            value.write_json(&mut out);
            out.extend_from_slice(b"}}");
        };
        field(0, "id", "Config", "str", &StatValue::text(name));
        field(1, "pid", "Config", "str", &StatValue::text(section));
        for (at, (what, count)) in NameserverCount::ALL.iter().zip(counts).enumerate() {
            let count = StatValue::U64(count);
            field(at + 2, what.column(), "Metric", "u64", &count);
        }
        out.push(b']');
    }
    out.extend_from_slice(b"]\n");
    out
}
