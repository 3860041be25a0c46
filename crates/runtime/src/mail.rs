//! Mails about servers (`email-alert`): one after the other to each mailer of a proxy.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use hapax_core::ir::Address;
use hapax_core::program::{Program, ProxyId};
use hapax_sys::connect::ConnectOptions;
use memchr::memmem;

use crate::address::socket_address;
use crate::check::probe::{receive, send, within};
use crate::clock;
use crate::io::Stream;
use crate::log::date::zone;
use crate::wheel::Timer;
use crate::worker;

/// Mails `text` to the mailers of a proxy, if they are to know what has this level.
pub(crate) fn alert(program: &Arc<Program>, proxy: ProxyId, level: u8, text: &str) {
    let owner = &program.proxy(proxy).ir;
    let Some(alert) = owner.email_alert.as_deref() else {
        return;
    };
    if level > alert.level.unwrap_or(ALERT) {
        return;
    }
    let named = |section: &&hapax_core::ir::Mailers| Some(&section.name) == alert.mailers.as_ref();
    let (Some(section), Some(from), Some(to)) =
        (program.mailers.iter().find(named), &alert.from, &alert.to)
    else {
        return;
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    let host = alert.host_name.as_deref().unwrap_or(&program.host_name);
    let mail = Arc::new(Mail {
        host: host.to_owned(),
        from: from.clone(),
        to: to.clone(),
        content: content(from, to, text),
    });
    for (index, (_, address)) in section.mailers.iter().enumerate() {
        enqueue((proxy, index), address, section.timeout, mail.clone());
    }
}

/// A mail.
struct Mail {
    host: String,
    from: String,
    to: String,
    content: String,
}

/// What waits for each mailer of each proxy; a mailer without an entry has nothing to do.
type Queues = HashMap<(ProxyId, usize), VecDeque<Arc<Mail>>>;

thread_local! {
    static QUEUES: RefCell<Queues> = RefCell::default();
}

fn enqueue(at: (ProxyId, usize), address: &Address, timeout: u32, mail: Arc<Mail>) {
    let busy = QUEUES.with_borrow_mut(|queues| match queues.get_mut(&at) {
        Some(queue) => {
            // Whoever is this late has missed more than one.
            if queue.len() >= MOST {
                queue.pop_front();
            }
            queue.push_back(mail.clone());
            true
        }
        None => {
            queues.insert(at, VecDeque::new());
            false
        }
    });
    if busy {
        return;
    }
    let address = address.clone();
    worker::spawn(async move {
        let mut next = Some(mail);
        while let Some(mail) = next {
            if let Err(error) = deliver(&address, timeout, &mail).await {
                log::debug!("a mail to {address:?} was not taken: {error}");
            }
            next = QUEUES.with_borrow_mut(|queues| {
                let next = queues.get_mut(&at).and_then(VecDeque::pop_front);
                if next.is_none() {
                    queues.remove(&at);
                }
                next
            });
        }
    });
}

/// Hands a mail to a mailer (RFC 5321); each answer must be the one that is expected.
async fn deliver(address: &Address, timeout: u32, mail: &Mail) -> io::Result<()> {
    let mut timer = Timer::new();
    let deadline = clock::now_ms() + u64::from(timeout);
    let options = ConnectOptions {
        nodelay: true,
        ..ConnectOptions::default()
    };
    let mut stream = Stream::connect(&socket_address(address)?, &options)?;
    // What is left of the connection is of no interest to anybody.
    let _ = stream.reset_on_close();
    let connected = within(&mut timer, deadline, |cx| stream.poll_connected(cx)).await;
    connected.ok_or(io::ErrorKind::TimedOut)??;
    let Mail {
        host,
        from,
        to,
        content,
    } = mail;
    let talk = [
        (String::new(), "220 "),
        (format!("HELO {host}\r\n"), "250 "),
        (format!("MAIL FROM:<{from}>\r\n"), "250 "),
        (format!("RCPT TO:<{to}>\r\n"), "250 "),
        ("DATA\r\n".to_owned(), "354 "),
        (content.clone(), "250 "),
        ("QUIT\r\n".to_owned(), "221 "),
    ];
    for (line, wanted) in &talk {
        let sent = send(line.as_bytes(), &mut stream, &mut timer, deadline).await?;
        sent.ok_or(io::ErrorKind::TimedOut)?;
        let mut buffer = None;
        loop {
            let received = receive(&mut buffer, &mut stream, &mut timer, deadline).await?;
            let count = received.ok_or(io::ErrorKind::TimedOut)?;
            let held = buffer.as_ref();
            let data = held.map_or(&[][..], |held| held.data());
            let complete = data.ends_with(b"\n");
            if memmem::find(data, wanted.as_bytes()).is_some() {
                break;
            }
            if complete || count == 0 || held.is_some_and(|held| held.tail() == 0) {
                let text = String::from_utf8_lossy(data).into_owned();
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
    }
    Ok(())
}

/// Header and body, with the line that ends them. What is about servers is one line.
fn content(from: &str, to: &str, text: &str) -> String {
    let date = jiff::Timestamp::from_microsecond(i64::try_from(clock::wall_us()).unwrap_or(0));
    let date = date.unwrap_or_default().to_zoned(zone().clone());
    let date = date.strftime("%a, %d %b %Y %H:%M:%S %z (%Z)");
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    format!(
        "From: {from}\r\nTo: {to}\r\nDate: {date}\r\nSubject: [HAProxy Alert] {line}\r\n\r\n{line}\r\n\r\n.\r\n"
    )
}

/// The level of `email-alert` without `level`.
const ALERT: u8 = 1;

/// So many mails wait for a mailer; older ones are forgotten.
const MOST: usize = 1000;
