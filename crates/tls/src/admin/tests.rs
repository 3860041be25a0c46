//! Certificates change while handshakes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hapax_core::contract::{Material, Shared};
use hapax_core::ir::{BindCertificate, BindTls, GlobalTls, ServerTls, TlsVerify};

use super::*;
use crate::certificate::{CertificateMaterial, Parts};
use crate::handshake::{Handshake, Step};
use crate::listener::Listener;
use crate::server::Server;
use crate::store::Loaded;

// exercises: command/show ssl providers
#[test]
fn what_makes_the_cryptography_is_named() {
    let store = Store::new(&Config::default(), Loaded::default());
    let told = call(&store, &[], None, providers);
    let text = "Loaded providers : \n\t- aws-lc-rs\n";
    assert_eq!(told, Told::Lines(text.to_owned()));
}

#[test]
fn no_handshake_fails_while_certificates_change() {
    let (store, listener) = store();
    let (done, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) || made.load(Ordering::Relaxed) < 20 {
                    assert!(handshake(&listener), "a handshake failed");
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let name = ["x.pem".to_owned()];
        for _ in 0..40 {
            let set_it = call(&store, &name, Some(PEM.as_bytes()), set);
            assert!(matches!(set_it, Told::Done(_)), "{set_it:?}");
            let committed = call(&store, &name, None, commit);
            let text = "Committing x.pem.\nSuccess!\n";
            assert_eq!(committed, Told::Lines(text.to_owned()));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(made.load(Ordering::Relaxed) >= 20);
}

fn call(
    store: &Store,
    words: &[String],
    payload: Option<&[u8]>,
    command: fn(&Call<'_>) -> Told,
) -> Told {
    let registry = Registry::new(crate::TABLES);
    command(&Call {
        store,
        registry: &registry,
        words,
        payload,
        now: 0,
    })
}

/// A store with one certificate, and a listener that shows it.
fn store() -> (Store, Arc<Listener>) {
    let mut parts = Parts::default();
    assert_eq!(parts.read(PEM.as_bytes()), Ok(()));
    let certificate = parts.assemble("x.pem", &GlobalTls::default(), &mut Vec::new());
    let certificate = CertificateMaterial(Arc::new(certificate.expect("a certificate")));
    let material: Shared<dyn Material> = Shared(Arc::new(certificate));
    let mut config = Config::default();
    let tls = &mut config.global.tls;
    tls.certificates
        .insert("x.pem".to_owned(), material.clone());
    let bind = BindTls {
        enabled: true,
        certificates: vec![BindCertificate {
            material,
            filters: Vec::new(),
            is_default: false,
            settings: None,
            origin: None,
        }],
        ..BindTls::default()
    };
    let loaded = Loaded::new(&config);
    let built = Listener::build(&bind, ("fe", "x.cfg:1"), &config.global.tls, &loaded);
    let listener = Arc::new(built.expect("a listener").0);
    let store = Store::new(&config, loaded);
    store.attach(vec![listener.clone()], Vec::new());
    (store, listener)
}

/// A handshake of both sides through memory.
fn handshake(listener: &Listener) -> bool {
    let line = ServerTls {
        enabled: true,
        verify: Some(TlsVerify::None),
        ..ServerTls::default()
    };
    let built = Server::build(&line, None, &GlobalTls::default(), &Loaded::default());
    let (server, _) = built.expect("the other side");
    let mut client = server.handshake(Some(b"x.example")).expect("a client");
    let mut here = listener.handshake();
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let ends = [
            advance(&mut client, &mut to_client, &mut to_server),
            advance(&mut here, &mut to_server, &mut to_client),
        ];
        match ends {
            [Some(true), Some(true)] => return true,
            [None, _] | [_, None] => return false,
            _ => {}
        }
    }
    false
}

/// Whether one side is done; none when it failed.
fn advance(side: &mut Handshake, from: &mut Vec<u8>, to: &mut Vec<u8>) -> Option<bool> {
    let mut out = Vec::new();
    let (used, step) = side.advance(from, &mut out);
    from.drain(..used);
    to.extend(out);
    step.ok().map(|step| step == Step::Done)
}

const PEM: &str = crate::server::CERTIFICATE;
