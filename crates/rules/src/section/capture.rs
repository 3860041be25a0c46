//! `capture` and `declare capture`: what is kept of messages for logs and rules.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{Capture, CookieCapture};
use hapax_core::keyword::{Fault, Line, Sections};

/// `capture request header NAME len N` and its kin.
pub(crate) fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    let words: Vec<_> = (0..6).map(|index| line.arg(index)).collect();
    let word = |index: usize| words.get(index).and_then(|word| word.as_deref());
    match (word(0), word(1)) {
        (Some("cookie"), _) => cookie(line),
        (Some(side @ ("request" | "response")), Some("header")) => {
            if line.section == Sections::DEFAULTS {
                return Err(not_in_defaults(line, side));
            }
            let missing = format!("'capture {side}' expects 'header' <header_name> 'len' <len>.");
            let (Some(name), Some("len"), Some(length)) = (word(2), word(3), word(4)) else {
                return Err(line.fault(missing));
            };
            if let Some(extra) = word(5) {
                let text = format!("'capture {side}' cannot handle unexpected argument '{extra}'.");
                return Err(line.fault_at(5, text));
            }
            let slot = Capture {
                header: Some(name.to_ascii_lowercase()),
                length: leading_count(length),
            };
            let proxy = line.proxy()?;
            match side {
                "request" => proxy.request_captures.push(slot),
                _ => proxy.response_captures.push(slot),
            }
            Ok(())
        }
        _ => {
            Err(line.fault("'capture' expects 'cookie' or 'request header' or 'response header'."))
        }
    }
}

/// `capture cookie NAME len N`; more words are let pass, and so is another word for `len`.
fn cookie(line: &mut Line<'_>) -> Result<(), Fault> {
    if line.section == Sections::DEFAULTS {
        return Err(not_in_defaults(line, "cookie"));
    }
    let (Some(name), Some(length)) = (line.arg(1), line.arg(3)) else {
        return Err(line.fault("'capture' expects 'cookie' <cookie_name> 'len' <len>."));
    };
    let capture = CookieCapture {
        name: name.into_owned(),
        length: leading_count(&length),
    };
    line.proxy()?.cookie_capture = Some(capture);
    Ok(())
}

fn not_in_defaults(line: &Line<'_>, what: &str) -> Fault {
    let text = format!("'capture {what}' not allowed in 'defaults' section.");
    line.fault(text)
}

/// `declare capture { request | response } len N`
pub(crate) fn declare(line: &mut Line<'_>) -> Result<(), Fault> {
    match line.section {
        Sections::DEFAULTS => {
            return Err(fault(line, "'declare' not available in default section"));
        }
        Sections::BACKEND => {
            let text = "'declare' only available in frontend or listen section";
            return Err(fault(line, text));
        }
        _ => {}
    }
    let words: Vec<_> = (0..4).map(|index| line.arg(index)).collect();
    let word = |index: usize| words.get(index).and_then(|word| word.as_deref());
    match word(0) {
        Some("capture") => {}
        Some(other) => {
            let text = format!("unknown declaration type '{other}' (supports 'capture')");
            return Err(fault(line, &text));
        }
        None => {
            let text =
                "'declare' needs a second keyword that specify the type of declaration ('capture')";
            return Err(fault(line, text));
        }
    }
    let Some(side @ ("request" | "response")) = word(1) else {
        let text = "'declare capture' requires a direction ('request' or 'response')";
        return Err(fault(line, text));
    };
    if word(2) != Some("len") {
        let text = "'declare capture' requires a capture length ('len')";
        return Err(fault(line, text));
    }
    let Some(length) = word(3) else {
        let text =
            "'declare capture': 'len' requires a numeric value that represents the capture length";
        return Err(fault(line, text));
    };
    let Ok(number) = length.parse::<u32>() else {
        let text = format!("'declare capture': cannot parse the length '{length}'.");
        return Err(fault(line, &text));
    };
    if number == 0 {
        return Err(fault(line, "length must be > 0"));
    }
    let slot = Capture {
        header: None,
        length: number,
    };
    let proxy = line.proxy()?;
    match side {
        "request" => proxy.request_captures.push(slot),
        _ => proxy.response_captures.push(slot),
    }
    Ok(())
}

fn fault(line: &Line<'_>, text: &str) -> Fault {
    Diagnostic::alert(line.span, text)
        .with_prefix(Prefix::Parsing)
        .into()
}

/// The number that a text begins with; negative ones count as 0.
fn leading_count(text: &str) -> u32 {
    let digits = text.trim_start().bytes().take_while(u8::is_ascii_digit);
    digits.fold(0, |number: u32, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    })
}
