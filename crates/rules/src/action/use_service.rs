//! `use-service`: a service of the program answers the request.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Service, Tx};
use hapax_core::keyword::{ActionCursor, ActionKeyword, Fault, Rulesets};

use super::reading;

/// The row.
pub const ROW: ActionKeyword = ActionKeyword {
    name: "use-service",
    rulesets: Rulesets::HTTP_REQUEST,
    usage: "<service-name>",
    doc: "Answers with what a service makes: prometheus-exporter.",
    parse,
};

fn parse(cursor: &mut ActionCursor<'_, '_>) -> Result<Arc<dyn Action>, Fault> {
    let word = reading::expect(cursor, "'use-service' expects a service name.")?;
    match word.lossy().as_ref() {
        "prometheus-exporter" => Ok(Arc::new(UseService(Service::Prometheus))),
        other => {
            let text = format!("'{other}' unknown service name.");
            Err(reading::fault_at(cursor, word.span, text))
        }
    }
}

#[derive(Debug)]
struct UseService(Service);

impl Action for UseService {
    fn text(&self) -> String {
        match self.0 {
            Service::Prometheus => "use-service prometheus-exporter".to_owned(),
        }
    }

    fn run(&self, _: &mut Tx<'_>) -> Outcome {
        Outcome::Service(self.0)
    }

    fn is_final(&self) -> bool {
        true
    }
}
