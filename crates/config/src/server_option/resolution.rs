//! How the name of a server is resolved while the proxy runs.

use hapax_core::ir::{Family, Network};
use hapax_core::keyword::{OptionCursor, ServerOption, Tables};

use super::{fault, row};

pub(crate) const TABLE: Tables = Tables {
    server_options: ROWS,
    ..Tables::NONE
};

static ROWS: &[ServerOption] = &[
    row(
        "resolve-net",
        "<network>[,...]",
        "Networks whose addresses are taken first.",
        |cursor, options| {
            let text = word(cursor);
            if text.is_empty() {
                return Err(fault(cursor, "'resolve-net' expects a list of networks."));
            }
            for part in text.split(',') {
                let Some(network) = network(part) else {
                    let text = format!("'resolve-net' invalid network '{part}'.");
                    return Err(fault(cursor, text));
                };
                options.resolution.networks.push(network);
            }
            Ok(())
        },
    ),
    row(
        "resolve-opts",
        "<option>[,...]",
        "allow-dup-ip, prevent-dup-ip: whether servers of one name may have the same address; ignore-weight: that of service records.",
        |cursor, options| {
            let text = word(cursor);
            if text.is_empty() {
                return Ok(());
            }
            for option in text.split(',') {
                match option {
                    "allow-dup-ip" => options.resolution.allow_duplicates = true,
                    "prevent-dup-ip" => options.resolution.allow_duplicates = false,
                    "ignore-weight" => options.resolution.ignore_weight = true,
                    _ => {
                        let text = format!(
                            "'resolve-opts' : unknown resolve-opts option '{option}', supported methods are 'allow-dup-ip', \
                             'ignore-weight', and 'prevent-dup-ip'."
                        );
                        return Err(fault(cursor, text));
                    }
                }
            }
            Ok(())
        },
    ),
    row(
        "resolve-prefer",
        "{ipv4|ipv6}",
        "The family of addresses that is asked for first.",
        |cursor, options| {
            options.resolution.prefer = match word(cursor).as_str() {
                "ipv4" => Family::V4,
                "ipv6" => Family::V6,
                _ => {
                    let text = "'resolve-prefer' expects either ipv4 or ipv6 as argument.";
                    return Err(fault(cursor, text));
                }
            };
            Ok(())
        },
    ),
    row(
        "resolvers",
        "<name>",
        "The resolvers section that tells the addresses of the server's name.",
        |cursor, options| {
            options.resolution.resolvers = Some(word(cursor));
            Ok(())
        },
    ),
];

fn word(cursor: &mut OptionCursor<'_>) -> String {
    let word = cursor.take().map(|word| word.lossy().into_owned());
    word.unwrap_or_default()
}

/// `ADDRESS/BITS`.
fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/')?;
    let (address, prefix) = (address.parse().ok()?, prefix.parse().ok()?);
    let most = match address {
        std::net::IpAddr::V4(_) => 32,
        std::net::IpAddr::V6(_) => 128,
    };
    (prefix <= most).then_some(Network { address, prefix })
}
