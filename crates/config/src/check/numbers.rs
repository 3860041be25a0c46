//! What is left to the program: the log targets of `log global`. Numbers for the statistics are given by the live state.

use hapax_core::ir;

pub(crate) fn complete(config: &mut ir::Config) {
    let logs = &config.global.logs;
    ir::change_settings(&mut config.proxies, |proxy| {
        (proxy.log_global && !logs.is_empty()).then(|| ir::ProxySettings {
            logs: logs.iter().chain(&proxy.logs).cloned().collect(),
            ..proxy.clone()
        })
    });
    for forward in &mut config.log_forwards {
        if forward.log_global {
            let own = std::mem::take(&mut forward.logs);
            forward.logs = config.global.logs.iter().cloned().chain(own).collect();
        }
    }
}
