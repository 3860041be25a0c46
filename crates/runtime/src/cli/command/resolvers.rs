//! `show resolvers`: what is counted of name servers.

use std::fmt::Write;

use hapax_core::resolution::NameserverCount;

use super::{Answer, Call};

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
