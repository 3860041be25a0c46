//! What a master process must know of a configuration: its `global` and `program` sections. The process
//! that serves reads the rest.

use hapax_core::ir;
use hapax_core::keyword::Registry;
use hapax_core::span::{Source, Sources};

use crate::condition::Capabilities;
use crate::lexer::Environment;
use crate::{parser, section};

/// Reads the `global` and `program` sections only; what is wrong in them is told by who reads everything.
pub fn discover(
    sources: &Sources,
    registry: &Registry,
    capabilities: &Capabilities,
    environment: &dyn Environment,
) -> (ir::Global, Vec<ir::ExternalProgram>) {
    let mut excerpt = Sources::default();
    for source in sources.iter() {
        excerpt.add(globals(source));
    }
    let parsed = parser::parse(&excerpt, registry, capabilities, environment);
    (parsed.config.global, parsed.config.programs)
}

/// The file with other sections left out; conditions stay, as they may stand around sections.
fn globals(source: &Source) -> Source {
    let mut text = Vec::new();
    let mut wanted = false;
    for line in source.text.split(|&byte| byte == b'\n') {
        let trimmed = line.trim_ascii_start();
        let end = trimmed.iter().position(u8::is_ascii_whitespace);
        let first = &trimmed[..end.unwrap_or(trimmed.len())];
        if section::is_section_name(first) {
            wanted = matches!(first, b"global" | b"program");
        }
        if wanted || first.starts_with(b".") {
            text.extend_from_slice(line);
        }
        text.push(b'\n');
    }
    Source::new(source.path.clone(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_sections_are_left_out() {
        let text = "global\n quiet\n.if 1\nlisten x\n bind :1\n.endif\nglobal\n daemon\n";
        let kept = globals(&Source::new("a", text.as_bytes()));
        let expected = "global\n quiet\n.if 1\n\n\n.endif\nglobal\n daemon\n\n";
        assert_eq!(kept.text.as_ref(), expected.as_bytes());
    }
}
