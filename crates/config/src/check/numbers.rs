//! What is left to the program: the log targets of `log global`. Numbers for the statistics are given by the live state.

use hapax_core::ir;

pub(crate) fn complete(config: &mut ir::Config) {
    for proxy in &mut config.proxies {
        if proxy.log_global {
            let own = std::mem::take(&mut proxy.logs);
            proxy.logs = config.global.logs.iter().cloned().chain(own).collect();
        }
    }
    for forward in &mut config.log_forwards {
        if forward.log_global {
            let own = std::mem::take(&mut forward.logs);
            forward.logs = config.global.logs.iter().cloned().chain(own).collect();
        }
    }
}
