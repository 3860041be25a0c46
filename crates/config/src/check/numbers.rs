//! What is left to the program: numbers for the statistics, and the log targets of `log global`.

use hapax_core::ir;
use hashbrown::HashSet;

pub(crate) fn complete(config: &mut ir::Config) {
    let mut used: HashSet<u32> = config.proxies.iter().filter_map(|proxy| proxy.id).collect();
    let mut next = FIRST_PROXY;
    for proxy in &mut config.proxies {
        if proxy.id.is_none() {
            proxy.id = Some(free(&mut used, &mut next));
        }
        let mut used: HashSet<u32> = proxy
            .binds
            .iter()
            .filter_map(|bind| bind.options.id)
            .collect();
        let mut next = 1;
        for bind in &mut proxy.binds {
            // Listeners are counted on from the last number that was given.
            next = match bind.options.id {
                Some(id) => id.wrapping_add(1),
                None => *bind.options.id.insert(free(&mut used, &mut next)),
            };
        }
        let mut used: HashSet<u32> = proxy
            .servers
            .iter()
            .filter_map(|server| server.options.id)
            .collect();
        let mut next = 1;
        for server in &mut proxy.servers {
            if server.options.id.is_none() {
                server.options.id = Some(free(&mut used, &mut next));
            }
        }
        if proxy.log_global {
            let own = std::mem::take(&mut proxy.logs);
            proxy.logs = config.global.logs.iter().cloned().chain(own).collect();
        }
    }
}

fn free(used: &mut HashSet<u32>, next: &mut u32) -> u32 {
    while !used.insert(*next) {
        *next = next.wrapping_add(1);
    }
    *next
}

/// Upstream's number for the first proxy that has none: 1 is its own proxy of the runtime API.
const FIRST_PROXY: u32 = 2;
