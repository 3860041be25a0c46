//! What a proxy is: mode, name in the statistics, state, source address.

use hapax_core::ir;
use hapax_core::keyword::{SectionKeyword, Sections, Tables};

use super::{at_most, joined, needed, reading, row};
use crate::resolve;
use crate::source::presented;
use crate::value::address::{Accept, Port};
use crate::value::leading_integer;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

/// Every proxy section except `defaults`.
const NAMED: Sections = Sections(4 | 8 | 16);

static ROWS: &[SectionKeyword] = &[
    row(
        "mode",
        Sections::PROXIES,
        "{tcp|http|log}",
        "What the proxy forwards; a backend for log lines with `log`.",
        |line| {
            let mode = match line.arg(0).unwrap_or_default().as_ref() {
                "tcp" => ir::Mode::Tcp,
                "http" => ir::Mode::Http,
                "health" => {
                    at_most(line, 1)?;
                    return crate::legacy::monitor::health(line);
                }
                "log" if line.section != Sections::FRONTEND => ir::Mode::Log,
                "spop" => {
                    return Err(line.fault_at(0, "'mode spop' is not built yet."));
                }
                other => return Err(line.fault_at(0, format!("unknown proxy mode '{other}'."))),
            };
            at_most(line, 1)?;
            line.proxy()?.mode = mode;
            line.proxy()?.health = false;
            Ok(())
        },
    ),
    row(
        "disabled",
        Sections::PROXIES,
        "",
        "The proxy is left out.",
        |line| {
            at_most(line, 0)?;
            line.proxy()?.disabled = true;
            Ok(())
        },
    ),
    row(
        "enabled",
        Sections::PROXIES,
        "",
        "Takes `disabled` back.",
        |line| {
            at_most(line, 0)?;
            line.proxy()?.disabled = false;
            Ok(())
        },
    ),
    row(
        "description",
        NAMED,
        "<string>",
        "A text for the statistics page.",
        |line| {
            if line.args().is_empty() {
                return Err(reading(line, "'description' expects a string argument."));
            }
            let text = joined(line, 0);
            line.proxy()?.description = Some(text);
            Ok(())
        },
    ),
    row(
        "id",
        NAMED,
        "<number>",
        "Number of the proxy in the statistics.",
        |line| {
            let Some(word) = line.args().first() else {
                return Err(reading(line, "'id' expects an integer argument."));
            };
            at_most(line, 1)?;
            let id = u32::try_from(leading_integer(&word.text)).ok();
            let Some(id) = id.filter(|id| *id > 0 && *id <= i32::MAX as u32) else {
                return Err(reading(line, "custom id has to be > 0."));
            };
            let other = line
                .config
                .proxies
                .iter()
                .find(|other| other.id == Some(id));
            if let Some((kind, name, span)) = other.map(|it| (it.kind, it.name.clone(), it.span)) {
                let place = line.scope.place(span);
                let this = line.proxy()?;
                let text = format!(
                    "{} {} reuses same custom id as {} {name} (declared at {place}).",
                    this.kind.name(),
                    this.name,
                    kind.name()
                );
                return Err(reading(line, text));
            }
            line.proxy()?.id = Some(id);
            Ok(())
        },
    ),
    row(
        "monitor-uri",
        Sections::FRONT,
        "<uri>",
        "Requests for this URI are answered here, to show that the proxy works.",
        |line| {
            let text = needed(line, 0, "'monitor-uri' expects an URI.")?;
            at_most(line, 1)?;
            line.proxy()?.monitor_uri = Some(text.lossy().into_owned());
            Ok(())
        },
    ),
    row(
        "http-reuse",
        Sections::BACK,
        "{never|safe|aggressive|always}",
        "When an idle connection to a server is used again.",
        |line| {
            let name = line.arg(0).unwrap_or_default();
            let reuse = match name.as_ref() {
                "never" => ir::HttpReuse::Never,
                "safe" => ir::HttpReuse::Safe,
                "aggressive" => ir::HttpReuse::Aggressive,
                "always" => ir::HttpReuse::Always,
                _ => {
                    let text =
                        "'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.";
                    return Err(line.fault_at(0, text));
                }
            };
            if let Some(extra) = line.arg(1) {
                let text =
                    format!("'http-reuse {name}' cannot handle unexpected argument '{extra}'.");
                return Err(line.fault_at(1, text));
            }
            line.proxy()?.http_reuse = reuse;
            Ok(())
        },
    ),
    row(
        "source",
        Sections::BACK,
        "<addr>[:<port>] [usesrc {<addr>[:<port>]|client|clientip|hdr_ip(<name>[,<num>])}] [interface <name>]",
        "The address that connections to servers come from.",
        |line| {
            let missing = "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.";
            let text = needed(line, 0, missing)?.lossy().into_owned();
            let mut source = source_address(&line.config.global.environment, &text, Accept::SOURCE)
                .map_err(|error| line.fault_at(0, format!("'source {text}' : {error}")))?;
            let mut at = 1;
            while let Some(word) = line.arg(at).map(std::borrow::Cow::into_owned) {
                match word.as_str() {
                    "interface" => {
                        let missing = "'source' : missing interface name.";
                        let name = needed(line, at + 1, missing)?;
                        source.interface = Some(name.lossy().into_owned());
                    }
                    "usesrc" => {
                        let missing = "'usesrc' expects <addr>[:<port>], 'client', or 'clientip' as argument.";
                        let text = needed(line, at + 1, missing)?.lossy().into_owned();
                        let variables = &line.config.global.environment;
                        let presented = presented(variables, &text)
                            .map_err(|error| line.fault_at(at + 1, error))?;
                        source.presented = Some(presented);
                    }
                    _ => {
                        let text =
                            "'source' only supports optional keywords 'interface' and 'usesrc'.";
                        return Err(line.fault_at(at, text));
                    }
                }
                at += 2;
            }
            line.proxy()?.source = Some(source);
            Ok(())
        },
    ),
];

/// Reads the address of `source`.
pub(crate) fn source_address(
    variables: &resolve::Variables,
    text: &str,
    accept: Accept,
) -> Result<ir::SourceAddress, String> {
    let found = resolve::address(variables, text.as_bytes(), accept, true)?;
    let address = found.addresses.first();
    let Some(&ir::Address::Inet(address)) = address else {
        return Err(format!(
            "only internet addresses can be sources, not '{text}'"
        ));
    };
    Ok(ir::SourceAddress {
        address,
        ports: match found.port {
            Port::Range(first, last) => Some((first, last)),
            _ => None,
        },
        interface: None,
        presented: None,
    })
}
