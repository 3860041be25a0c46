//! `retry-on`.

use hapax_core::ir::RetryOn;
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Tables};

use super::row;

pub(crate) const TABLE: Tables = Tables {
    sections: ROWS,
    ..Tables::NONE
};

static ROWS: &[SectionKeyword] = &[row(
    "retry-on",
    // In a frontend it is an error of its own, not a line that is ignored.
    Sections::PROXIES,
    "none | { conn-failure | empty-response | junk-response | response-timeout | all-retryable-errors | <status> }...",
    "After which failures a request is sent again.",
    retry_on,
)];

fn retry_on(line: &mut Line<'_>) -> Result<(), Fault> {
    if line.section == Sections::FRONTEND {
        let text = "'retry-on' only available in backend or listen section";
        return Err(line.fault(text));
    }
    let words = line.args();
    if words.is_empty() {
        return Err(line.fault("'retry-on' needs at least one keyword to specify when to retry"));
    }
    let mut found = RetryOn::NONE;
    for (at, word) in words.iter().enumerate() {
        let text = word.lossy();
        match text.as_ref() {
            "none" if words.len() > 1 => {
                return Err(line.fault_at(at, "'retry-on' 'none' keyword only usable alone"));
            }
            "none" => {}
            "conn-failure" => found.connection = true,
            "empty-response" => found.empty_response = true,
            "junk-response" => found.junk_response = true,
            "response-timeout" => found.response_timeout = true,
            "0rtt-rejected" => {
                return Err(line.fault_at(at, "'retry-on': '0rtt-rejected' is not built yet."));
            }
            "all-retryable-errors" => {
                found = RetryOn {
                    connection: true,
                    empty_response: true,
                    junk_response: true,
                    response_timeout: true,
                    statuses: found.statuses,
                };
                found.statuses.extend([500, 502, 503, 504]);
            }
            _ => match STATUSES.iter().find(|status| status.to_string() == text) {
                Some(&status) => found.statuses.push(status),
                None => {
                    let text = format!("'retry-on': unknown keyword '{text}'");
                    return Err(line.fault_at(at, text));
                }
            },
        }
    }
    found.statuses.sort_unstable();
    found.statuses.dedup();
    line.proxy()?.retry_on = found;
    Ok(())
}

static STATUSES: &[u16] = &[401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504];
