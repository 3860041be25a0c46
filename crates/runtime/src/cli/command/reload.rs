//! `reload configuration`: the files are read again and take the place of what is in force, inside the process.

use super::{Answer, Awaited, Call};

/// `reload configuration`.
pub fn configuration(call: &mut Call<'_>) -> Answer {
    let Some(reload) = &call.cli.reload else {
        return Answer::Refused("This process cannot read its configuration again.\n".into());
    };
    let awaited = Awaited::default();
    let teller = awaited.teller();
    call.state.awaited = Some(awaited);
    reload.begin(Box::new(move |said| {
        teller.end(match said {
            Ok(text) => Answer::Information(text),
            Err(text) => Answer::Refused(text),
        });
    }));
    Answer::Written
}
