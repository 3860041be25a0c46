//! The `cookie` line of a proxy section.

use hapax_core::diagnostic::{Diagnostic, Prefix};
use hapax_core::ir::{Cookie, CookieMode};
use hapax_core::keyword::{Fault, Line, SectionKeyword, Sections, Support};
use hapax_core::span::Word;

/// The row.
pub const KEYWORD: SectionKeyword = SectionKeyword {
    name: "cookie",
    sections: Sections::PROXIES,
    negatable: false,
    usage: "<name> [ rewrite | insert | prefix ] [ indirect ] [ nocache ] [ postonly ] [ preserve ] [ httponly ] \
            [ secure ] [ domain <domain> ]* [ maxidle <idle> ] [ maxlife <life> ] [ dynamic ] [ attr <value> ]*",
    doc: "Persistence by a cookie: clients come back to the server that their cookie names.",
    support: Support::Runs,
    parse,
};

/// The row of the key of dynamic cookies.
pub const DYNAMIC_KEY: SectionKeyword = SectionKeyword {
    name: "dynamic-cookie-key",
    sections: Sections::PROXIES,
    negatable: false,
    usage: "<string>",
    doc: "The secret that cookies of servers are made with under `cookie ... dynamic`.",
    support: Support::Runs,
    parse: |line| {
        if crate::section::ignored_in_frontend(line, "") {
            return Ok(());
        }
        let Some(key) = line.arg(0).map(|word| word.into_owned()) else {
            return Err(line.fault("'dynamic-cookie-key' expects <secret_key> as argument."));
        };
        line.proxy()?.dynamic_cookie_key = Some(key);
        Ok(())
    },
};

fn parse(line: &mut Line<'_>) -> Result<(), Fault> {
    if crate::section::ignored_in_frontend(line, "") {
        return Ok(());
    }
    let Some(name) = line.arg(0).filter(|name| !name.is_empty()) else {
        return Err(line.fault("'cookie' expects <cookie_name> as argument."));
    };
    let mut cookie = Cookie::new(name.into_owned(), CookieMode::Passive);
    let mut words = line.args().iter().skip(1);
    let mut modes = 0;
    while let Some(word) = words.next() {
        match word.lossy().as_ref() {
            "rewrite" => (cookie.mode, modes) = (CookieMode::Rewrite, modes | 1),
            "insert" => (cookie.mode, modes) = (CookieMode::Insert, modes | 2),
            "prefix" => (cookie.mode, modes) = (CookieMode::Prefix, modes | 4),
            "indirect" => cookie.indirect = true,
            "nocache" => cookie.nocache = true,
            "postonly" => cookie.postonly = true,
            "preserve" => cookie.preserve = true,
            "httponly" => cookie.httponly = true,
            "secure" => cookie.secure = true,
            "domain" => cookie.domains.push(domain(line, word, words.next())?),
            "attr" => cookie.attributes.push(attribute(word, words.next())?),
            "maxidle" => {
                cookie.maxidle = seconds(word, words.next(), "maxidle", "idletime")?;
            }
            "maxlife" => {
                cookie.maxlife = seconds(word, words.next(), "maxlife", "lifetime")?;
            }
            "dynamic" => cookie.dynamic = true,
            _ => {
                let message = "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', \
                               'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.";
                return Err(Diagnostic::alert(word.span, message).into());
            }
        }
    }
    if u32::count_ones(modes) > 1 {
        return Err(line.fault("cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."));
    }
    if cookie.mode == CookieMode::Rewrite && cookie.indirect {
        return Err(line.fault("cookie 'rewrite' and 'indirect' modes are incompatible."));
    }
    if cookie.preserve && cookie.mode != CookieMode::Insert && !cookie.indirect {
        return Err(line.fault("cookie 'preserve' requires at least 'insert' or 'indirect'."));
    }
    line.proxy()?.cookie = Some(cookie);
    Ok(())
}

fn reading(word: &Word, message: String) -> Fault {
    Diagnostic::alert(word.span, message)
        .with_prefix(Prefix::Reading)
        .into()
}

fn domain(line: &mut Line<'_>, keyword: &Word, word: Option<&Word>) -> Result<String, Fault> {
    let Some(word) = word else {
        let message = "'domain' expects <domain> as argument.";
        return Err(reading(keyword, message.into()));
    };
    let text = word.lossy();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || "-._".contains(*c);
    if let Some(wrong) = text.chars().find(|c| !allowed(c)) {
        let message = format!("character '{wrong}' is not permitted in domain name '{text}'.");
        return Err(reading(word, message));
    }
    if !text.contains('.') {
        let message = format!(
            "domain '{text}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
        );
        let warning = Diagnostic::warning(word.span, message).with_prefix(Prefix::Reading);
        line.diagnostics.push(warning);
    }
    Ok(text.into_owned())
}

fn attribute(keyword: &Word, word: Option<&Word>) -> Result<String, Fault> {
    let Some(word) = word else {
        return Err(reading(
            keyword,
            "'attr' expects <value> as argument.".into(),
        ));
    };
    if let Some(&wrong) = word
        .text
        .iter()
        .find(|&&byte| byte < 0x20 || byte == 0x7f || byte == b';')
    {
        let message = format!("character '%x{wrong:02X}' is not permitted in attribute value.");
        return Err(reading(word, message));
    }
    match word.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(reading(word, "an attribute value must be UTF-8.".into())),
    }
}

/// A time in whole seconds, rounded up; 0 is none.
fn seconds(
    keyword: &Word,
    word: Option<&Word>,
    option: &str,
    argument: &str,
) -> Result<Option<u32>, Fault> {
    let Some(word) = word else {
        let message = format!("'{option}' expects <{argument}> in seconds as argument.");
        return Err(reading(keyword, message));
    };
    let text = word.lossy();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let wrong = |c: char| {
        reading(
            word,
            format!("unexpected character '{c}' in argument to <{option}>."),
        )
    };
    let Ok(number) = number.parse::<u64>() else {
        return Err(wrong(text.chars().next().unwrap_or(' ')));
    };
    let micros = match unit {
        "us" => 1,
        "ms" => 1000,
        "" | "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        other => return Err(wrong(other.chars().next().unwrap_or(' '))),
    };
    let seconds = u128::from(number) * micros;
    match u32::try_from(seconds.div_ceil(1_000_000)) {
        Ok(0) => Ok(None),
        Ok(seconds) if seconds <= i32::MAX as u32 => Ok(Some(seconds)),
        _ => {
            let message = format!(
                "timer overflow in argument <{text}> to <{option}>, maximum value is 2147483647 s (~68 years)."
            );
            Err(reading(word, message))
        }
    }
}
