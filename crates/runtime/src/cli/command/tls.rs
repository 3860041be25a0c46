//! Certificates and what goes with them: `show ssl`, `set ssl` and the like; done by the room of TLS.

use hapax_tls::admin::{self, Files, Told};
use hapax_tls::store::Store;

use super::{Answer, Call};

macro_rules! commands {
    ($($name:ident => $run:expr;)+) => { $(
        #[doc = concat!("See `", stringify!($run), "`.")]
        pub fn $name(call: &mut Call<'_>) -> Answer {
            run(call, $run)
        }
    )+ };
}

commands! {
    show_certificates => admin::show;
    dump_certificate => admin::dump;
    new_certificate => admin::create;
    set_certificate => admin::set;
    commit_certificate => admin::commit;
    abort_certificate => admin::abort;
    delete_certificate => admin::delete;
    show_authorities => |call| admin::show_files(call, Files::Authorities);
    new_authorities => |call| admin::create_file(call, Files::Authorities);
    set_authorities => |call| admin::set_file(call, Files::Authorities);
    add_authorities => admin::add_authority;
    commit_authorities => |call| admin::commit_file(call, Files::Authorities);
    abort_authorities => |call| admin::abort_file(call, Files::Authorities);
    delete_authorities => |call| admin::delete_file(call, Files::Authorities);
    show_revoked => |call| admin::show_files(call, Files::Revoked);
    new_revoked => |call| admin::create_file(call, Files::Revoked);
    set_revoked => |call| admin::set_file(call, Files::Revoked);
    commit_revoked => |call| admin::commit_file(call, Files::Revoked);
    abort_revoked => |call| admin::abort_file(call, Files::Revoked);
    delete_revoked => |call| admin::delete_file(call, Files::Revoked);
    show_lists => admin::show_lists;
    add_to_list => admin::add_to_list;
    delete_from_list => admin::delete_from_list;
    show_names => admin::show_names;
    show_responses => admin::show_responses;
    set_response => admin::set_response;
    update_response => admin::update_response;
    show_updates => admin::updates;
    show_providers => admin::providers;
    show_ticket_keys => admin::show_ticket_keys;
    set_ticket_key => admin::set_ticket_key;
}

fn run(call: &mut Call<'_>, command: impl Fn(&admin::Call<'_>) -> Told) -> Answer {
    let live = &call.program.live;
    let store = live.tls.get();
    let store: Option<&Store> = store.and_then(|store| store.as_any().downcast_ref());
    let (Some(store), Some(registry)) = (store, live.registry.get()) else {
        return Answer::Refused("No TLS here.\n".into());
    };
    let now = i64::try_from(call.now.wall_us / 1000).unwrap_or(i64::MAX);
    let told = command(&admin::Call {
        store,
        registry,
        words: call.args,
        payload: call.payload,
        now,
    });
    if matches!(
        call.words.first().map(String::as_str),
        Some("add" | "commit" | "del")
    ) {
        store.follow(now / 1000);
    }
    match told {
        Told::Lines(text) => {
            call.out.extend_from_slice(text.as_bytes());
            Answer::Written
        }
        Told::Done(text) => Answer::Information(text),
        Told::Refused(text) => Answer::Refused(text),
    }
}
