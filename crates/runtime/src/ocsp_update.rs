//! Asks responders for responses of OCSP when they are due, one after the other; `hapax_tls::update` knows which and when.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hapax_core::program::Program;
use hapax_proto::http::Head;
use hapax_tls::store::Store;
use hapax_tls::update::{Ended, Question};
use tokio::task::AbortHandle;

use crate::clock;
use crate::http_client::{Request, Taker, ask};
use crate::local::Local;
use crate::log::Level;
use crate::wheel::{NEVER, Timer};
use crate::worker::spawn_for_now;

/// Starts it, where there is TLS.
pub(crate) fn start(local: &Rc<Local>) -> Option<AbortHandle> {
    let program = local.plan().program.clone();
    store(&program)?;
    Some(spawn_for_now(run(local.clone(), program)))
}

/// What the room of TLS knows.
pub(crate) fn store(program: &Program) -> Option<&Store> {
    program.live.tls.get()?.as_any().downcast_ref()
}

async fn run(local: Rc<Local>, program: Arc<Program>) {
    let Some(store) = store(&program) else {
        return;
    };
    let mut timer = Timer::new();
    loop {
        let question = poll_fn(|cx| {
            let mut until = NEVER;
            // The clock of the wall moves as it likes: it is looked at again every minute.
            let now = wall();
            match store.due(now, cx.waker()) {
                Ok(question) => return Poll::Ready(Some(question)),
                Err(None) => {}
                Err(Some(when)) => {
                    let seconds = u64::try_from(when - now).unwrap_or(0).clamp(1, GLANCE);
                    until = clock::now_ms() + seconds * 1000;
                }
            }
            timer.poll_at(cx, until).map(|()| None)
        });
        if let Some(question) = question.await {
            update(&local, &program, store, &question).await;
        }
    }
}

/// Asks for one, and says what came of it.
async fn update(local: &Rc<Local>, program: &Program, store: &Store, question: &Question) {
    let mut answer = Answer::default();
    let request = request(program, question);
    let told = match &request {
        Some(request) => Some(ask(local, request, &mut answer).await),
        None => None,
    };
    let answered = match told.as_ref().map(|told| (told.status, told.is_whole())) {
        Some((200, true)) if answer.is_response => Ok(answer.body.as_slice()),
        Some((200, true)) => Err(Ended::NoResponse),
        _ => Err(Ended::Http),
    };
    if let Some(line) = store.answered(&question.id, answered, wall()) {
        let plan = local.plan();
        plan.logger.message(None, Level::Notice, &line);
    }
    if let (Some(request), Some(told)) = (&request, told)
        && told.is_error()
    {
        told.log(local, request, "<OCSP-UPDATE>");
    }
}

/// By GET where the address stays short (RFC 6960 A.1), else by POST.
fn request(program: &Program, question: &Question) -> Option<Request> {
    let encoded = STANDARD.encode(&question.request);
    let encoded = encoded
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let short = format!("{}/{encoded}", question.uri);
    let mut request = match short.len() <= LONGEST {
        true => Request::new("GET", &short)?,
        false => Request {
            body: Some(("application/ocsp-request", question.request.clone())),
            ..Request::new("POST", &question.uri)?
        },
    };
    request.through = program.global.tls.ocsp_proxy;
    Some(request)
}

/// The answer of a responder.
#[derive(Default)]
struct Answer {
    is_response: bool,
    body: Vec<u8>,
}

impl Taker for Answer {
    async fn head(&mut self, head: &Head) -> bool {
        let kind = head.iter().find(|(name, _)| *name == b"content-type");
        self.is_response = kind.is_some_and(|(_, kind)| kind == b"application/ocsp-response");
        true
    }

    async fn body(&mut self, bytes: &[u8]) -> bool {
        self.body.extend_from_slice(bytes);
        self.body.len() <= MOST
    }
}

/// Seconds since 1970.
fn wall() -> i64 {
    i64::try_from(clock::wall_us() / 1_000_000).unwrap_or(i64::MAX)
}

/// The longest address that is asked by GET.
const LONGEST: usize = 255;
/// Bytes of a response.
const MOST: usize = 65_536;
/// Seconds after which the clock is looked at again.
const GLANCE: u64 = 60;
