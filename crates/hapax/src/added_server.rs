//! Makes the servers that the runtime API adds: the rows read them, the room of TLS gives them what it needs.

use hapax_config::added_server;
use hapax_core::contract::{NewServer, ServerMaker};
use hapax_core::keyword::Registry;
use hapax_core::program::{Program, ProxyId};

/// Reads servers by the rows of the program.
#[derive(Debug)]
pub struct AddedServers(pub &'static Registry);

impl ServerMaker for AddedServers {
    fn make(
        &self,
        program: &Program,
        (proxy, name): (ProxyId, &str),
        words: &[String],
    ) -> Result<NewServer, String> {
        let read = added_server::read(program, self.0, (proxy, name), words)?;
        let proxy = &program.proxy(proxy).ir;
        let tls = hapax_tls::prepare::prepare_added(program, read.global, proxy, &read.server)?;
        Ok(NewServer {
            ir: read.server,
            tls,
            warnings: read.warnings,
        })
    }

    fn options(&self) -> Vec<&'static str> {
        let all = added_server::OPTIONS.iter().copied();
        all.filter(|name| self.0.server_options.find(name).is_some())
            .collect()
    }
}
