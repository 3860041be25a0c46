//! `http-error`: an answer in place of an error page.

use std::sync::Arc;

use hapax_core::contract::{Action, Outcome, Shared, Tx};
use hapax_core::ir::{ErrorLine, ErrorPage};
use hapax_core::keyword::{ActionCursor, Fault, Line, Rulesets};

use crate::action::reply::{Prepared, Reply, Source};

pub(crate) fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let mut cursor = ActionCursor {
        at: line.name_words,
        line,
        ruleset: Rulesets::HTTP_RESPONSE,
    };
    let reply = Reply::read_error(&mut cursor)?;
    let status = reply.status;
    let words: Vec<_> = line.words.iter().map(|word| word.lossy()).collect();
    let origin = words.join(" ");
    let error = match reply.source() {
        Source::Default => ErrorLine::Reset(status),
        Source::Section(name) => ErrorLine::Import {
            name: name.to_owned(),
            statuses: vec![status],
            span: line.span,
        },
        Source::Silence => ErrorLine::Page(ErrorPage {
            status,
            content: Arc::default(),
            reply: None,
            origin,
        }),
        Source::Own => ErrorLine::Page(ErrorPage {
            status,
            content: Arc::default(),
            reply: Some(Shared(Arc::new(HttpError {
                reply,
                text: origin.clone(),
            }))),
            origin,
        }),
    };
    line.proxy()?.error_lines.push(error);
    Ok(())
}

#[derive(Debug)]
struct HttpError {
    reply: Reply,
    text: String,
}

impl Action for HttpError {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn run(&self, tx: &mut Tx<'_>) -> Outcome {
        match self.reply.prepare(tx) {
            Prepared::Here => Outcome::Reply,
            Prepared::Page | Prepared::Silence | Prepared::TooLarge => Outcome::Close,
        }
    }
}
