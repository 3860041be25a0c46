//! Section keywords of this room: `balance`, `hash-type`, `hash-balance-factor`, `fullconn`.

use hapax_core::contract::Shared;
use hapax_core::diagnostic::Diagnostic;
use hapax_core::ir::{HashAffinity, HashFunction, HashType};
use hapax_core::keyword::{
    BalanceKeyword, Fault, Line, Registry, RowRef, SectionKeyword, Sections, Support,
};

/// The rows. They are looked up in frontends too, where they are ignored with upstream's warning.
pub static KEYWORDS: &[SectionKeyword] = &[
    crate::persistence::KEYWORD,
    crate::persistence::DYNAMIC_KEY,
    crate::persistence::rdp::KEYWORD,
    SectionKeyword {
        name: "balance",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<algorithm> [ <arguments> ]",
        doc: "How a server is chosen for each request or connection.",
        support: Support::Runs,
        parse: balance,
    },
    SectionKeyword {
        name: "hash-type",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "{ map-based | consistent } [ sdbm | djb2 | crc32 | none ] [ avalanche ]",
        doc: "How algorithms that hash a key map hashes to servers.",
        support: Support::Runs,
        parse: hash_type,
    },
    SectionKeyword {
        name: "hash-balance-factor",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<percent>",
        doc: "The most connections a server may have under consistent hashing, as percent of the average; 0 is off.",
        support: Support::Runs,
        parse: hash_balance_factor,
    },
    SectionKeyword {
        name: "hash-preserve-affinity",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "{ always | maxconn | maxqueue }",
        doc: "Whether a request stays with the server that its hash names when that has no free slot, or a full queue.",
        support: Support::Runs,
        parse: hash_preserve_affinity,
    },
    SectionKeyword {
        name: "fullconn",
        sections: Sections::PROXIES,
        negatable: false,
        usage: "<connections>",
        doc: "The number of connections of the backend at which servers with minconn may use their whole maxconn.",
        support: Support::Runs,
        parse: fullconn,
    },
];

/// Whether the line stands where nothing has servers; then it is ignored with upstream's warning.
pub fn ignored_in_frontend(line: &mut Line<'_>, hint: &str) -> bool {
    if line.section != Sections::FRONTEND {
        return false;
    }
    let name = line.proxy.as_deref().map(|proxy| proxy.name.clone());
    let keyword = line.keyword();
    line.warn(format!(
        "'{keyword}' ignored because frontend '{}' has no backend capability.{hint}",
        name.unwrap_or_default()
    ));
    true
}

fn balance(line: &mut Line<'_>) -> Result<(), Fault> {
    if ignored_in_frontend(line, "") {
        return Ok(());
    }
    let Some(word) = line.arg(0) else {
        // Upstream takes a bare `balance` for the default.
        line.proxy()?.balance = crate::default_algorithm();
        return Ok(());
    };
    let Some(keyword) = row(line.registry, &word) else {
        return Err(line.fault_at(
            0,
            "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hash', \
             'hdr(name)', 'rdp-cookie(name)', 'log-hash' and 'sticky' options.",
        ));
    };
    let algorithm = (keyword.parse)(line)?;
    line.proxy()?.balance = Shared(algorithm);
    Ok(())
}

/// The row of an algorithm; some of them only have to begin a word.
fn row(registry: &Registry, word: &str) -> Option<RowRef<BalanceKeyword>> {
    let whole = registry.balances.find(word);
    whole.or_else(|| {
        let mut begins = ["hdr(", "random", "rdp-cookie"].into_iter();
        let name = begins.find(|name| word.starts_with(name))?;
        registry.balances.find(name)
    })
}

fn hash_type(line: &mut Line<'_>) -> Result<(), Fault> {
    if ignored_in_frontend(line, "") {
        return Ok(());
    }
    let consistent = match line.arg(0).as_deref() {
        Some("consistent") => true,
        Some("map-based") => false,
        Some("avalanche") => {
            return Err(line.fault_at(
                0,
                "experimental feature 'hash-type avalanche' is not supported anymore, please use 'hash-type map-based \
                 sdbm avalanche' instead.",
            ));
        }
        _ => {
            return Err(line.fault_at(0, "'hash-type' only supports 'consistent' and 'map-based'."));
        }
    };
    let function = match line.arg(1).as_deref() {
        None => None,
        Some("sdbm") => Some(HashFunction::Sdbm),
        Some("djb2") => Some(HashFunction::Djb2),
        Some("crc32") => Some(HashFunction::Crc32),
        Some("wt6") => Some(HashFunction::Wt6),
        Some("none") => Some(HashFunction::None),
        Some(_) => {
            return Err(line.fault_at(
                1,
                "'hash-type' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions.",
            ));
        }
    };
    let avalanche = match line.arg(2).as_deref() {
        // A consistent hash without a function is mixed.
        None => function.is_none() && consistent,
        Some("avalanche") => true,
        Some(_) => {
            return Err(line.fault_at(
                2,
                "'hash-type' only supports 'avalanche' as a modifier for hash functions.",
            ));
        }
    };
    line.proxy()?.hash_type = HashType {
        consistent,
        function: function.unwrap_or_default(),
        avalanche,
    };
    Ok(())
}

fn hash_balance_factor(line: &mut Line<'_>) -> Result<(), Fault> {
    let Some(word) = line.args().first() else {
        return Err(line.fault("'hash-balance-factor' expects an integer argument."));
    };
    let factor = crate::hash::leading_integer(&word.text);
    let factor = match u32::try_from(factor) {
        Ok(factor) if factor == 0 || factor > 100 => factor,
        _ => {
            return Err(line.fault_at(0, "'hash-balance-factor' must be 0 or greater than 100."));
        }
    };
    line.proxy()?.hash_balance_factor = factor;
    Ok(())
}

fn hash_preserve_affinity(line: &mut Line<'_>) -> Result<(), Fault> {
    if line.section == Sections::FRONTEND {
        return Err(
            line.fault("'hash-preserve-affinity' only available in backend or listen section")
        );
    }
    let affinity = match line.arg(0).as_deref() {
        None => {
            return Err(line.fault(
                "'hash-preserve-affinity' needs a keyword to specify when to preserve hash affinity",
            ));
        }
        Some("always") => HashAffinity::Always,
        Some("maxconn") => HashAffinity::MaxConn,
        Some("maxqueue") => HashAffinity::MaxQueue,
        Some(other) => {
            let text = format!("'hash-preserve-affinity': unknown keyword '{other}'");
            return Err(line.fault_at(0, text));
        }
    };
    line.proxy()?.hash_affinity = affinity;
    Ok(())
}

fn fullconn(line: &mut Line<'_>) -> Result<(), Fault> {
    if ignored_in_frontend(line, " Maybe you want 'maxconn' instead ?") {
        return Ok(());
    }
    let Some(word) = line.args().first() else {
        return Err(line.fault("'fullconn' expects an integer argument."));
    };
    if let Some(extra) = line.args().get(1) {
        let message = format!(
            "'fullconn' cannot handle unexpected argument '{}'.",
            extra.lossy()
        );
        return Err(Diagnostic::alert(extra.span, message).into());
    }
    let value = crate::hash::leading_integer(&word.text);
    // 0 asks for the computed value.
    line.proxy()?.fullconn = u32::try_from(value).ok().filter(|&value| value > 0);
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::farm::tests::span;
    use hapax_core::diagnostic::Diagnostics;
    use hapax_core::ir;
    use hapax_core::keyword::{Negation, Registry, Scope};
    use hapax_core::span::Word;

    /// Reads one line into a proxy; the messages it left.
    pub fn read(text: &str, proxy: &mut ir::Proxy, section: Sections) -> Result<String, String> {
        let words: Vec<Word> = text
            .split_whitespace()
            .map(|word| Word {
                text: word.into(),
                span: span(),
            })
            .collect();
        let registry = Registry::new(crate::TABLES);
        let row = registry.sections.find(&words[0].lossy()).expect("a row");
        let mut diagnostics = Diagnostics::default();
        let result = (row.parse)(&mut Line {
            words: &words,
            name_words: 1,
            negation: Negation::None,
            span: span(),
            section,
            config: &mut ir::Config::default(),
            proxy: Some(proxy),
            scope: &mut Scope::default(),
            registry: &registry,
            diagnostics: &mut diagnostics,
        });
        let warnings: Vec<String> = diagnostics.iter().map(|one| one.message.clone()).collect();
        result
            .map(|()| warnings.concat())
            .map_err(|fault| fault.diagnostic.message)
    }

    fn proxy() -> ir::Proxy {
        crate::farm::tests::backend(&[1], |_| {}).0
    }

    // exercises: section/balance
    #[test]
    fn balance_names_an_algorithm() {
        let mut proxy = proxy();
        for name in ["static-rr", "leastconn", "first", "source", "roundrobin"] {
            read(&format!("balance {name}"), &mut proxy, Sections::BACKEND).expect("accepted");
            assert_eq!(proxy.balance.name(), name);
        }
        let refused = |text: &str| {
            let mut proxy = super::tests::proxy();
            read(text, &mut proxy, Sections::BACKEND).expect_err("refused")
        };
        assert!(refused("balance foo").starts_with("balance only supports"));
        let warning = read("balance first", &mut proxy, Sections::FRONTEND).expect("ignored");
        assert_eq!(
            (warning.as_str(), proxy.balance.name()),
            (
                "'balance' ignored because frontend 'b' has no backend capability.",
                "roundrobin"
            )
        );
    }

    #[test]
    fn hash_type_reads_method_function_and_modifier() {
        let mut proxy = proxy();
        let mut kind = |text: &str| {
            read(text, &mut proxy, Sections::BACKEND).map(|_| {
                let kind = proxy.hash_type;
                (kind.consistent, kind.function, kind.avalanche)
            })
        };
        assert_eq!(
            kind("hash-type consistent"),
            Ok((true, HashFunction::Sdbm, true))
        );
        assert_eq!(
            kind("hash-type consistent djb2"),
            Ok((true, HashFunction::Djb2, false))
        );
        assert_eq!(
            kind("hash-type map-based"),
            Ok((false, HashFunction::Sdbm, false))
        );
        assert_eq!(
            kind("hash-type map-based crc32 avalanche"),
            Ok((false, HashFunction::Crc32, true))
        );
        for wrong in [
            "hash-type",
            "hash-type avalanche",
            "hash-type consistent md5",
            "hash-type consistent sdbm x",
        ] {
            assert!(kind(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_checked() {
        let mut proxy = proxy();
        let mut line = |text: &str| read(text, &mut proxy, Sections::BACKEND);
        assert!(line("hash-balance-factor 150").is_ok() && line("fullconn 1000").is_ok());
        for wrong in [
            "hash-balance-factor",
            "hash-balance-factor 100",
            "fullconn",
            "fullconn 1 2",
        ] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            (proxy.hash_balance_factor, proxy.fullconn),
            (150, Some(1000))
        );
    }
}
