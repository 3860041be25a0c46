//! `httpclient`: asks a server for something and shows the answer. Of expert mode only.

use hapax_proto::http::Head;

use super::awaited::Teller;
use super::{Answer, Awaited, Call};
use crate::http_client::{Request, Taker, ask};
use crate::serve::with_local;
use crate::worker;

/// `httpclient <method> <URI>`.
pub fn ask_for(call: &mut Call<'_>) -> Answer {
    let [method, text, ..] = call.args else {
        let text = "Can't start the HTTP client: not enough parameters.\n";
        return Answer::Refused(text.into());
    };
    let Some(request) = Request::new(method, text) else {
        return Answer::Refused("Can't start the HTTP client.\n".into());
    };
    let awaited = Awaited::default();
    let mut shown = Shown(awaited.teller());
    with_local(|local| {
        let local = local.clone();
        worker::spawn(async move {
            let told = ask(&local, &request, &mut shown).await;
            told.log(&local, &request, "<HTTPCLIENT>");
            shown.0.end(Answer::Written);
        });
        call.state.awaited = Some(awaited);
    });
    Answer::Written
}

/// Whom it is shown to.
struct Shown(Teller);

impl Taker for Shown {
    async fn head(&mut self, head: &Head) -> bool {
        let mut out = Vec::new();
        for part in [
            head.version(),
            b" ",
            head.status_text(),
            b" ",
            head.reason(),
            b"\n",
        ] {
            out.extend_from_slice(part);
        }
        for (name, value) in head.iter() {
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        out.extend_from_slice(b"\r\n");
        self.0.tell(&out).await
    }

    async fn body(&mut self, bytes: &[u8]) -> bool {
        bytes.is_empty() || self.0.tell(bytes).await
    }
}
