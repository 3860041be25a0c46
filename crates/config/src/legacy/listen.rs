//! Addresses on the line that opens a `listen` or `frontend` section; blanks may stand between them as well as commas.

use hapax_core::keyword::Registry;
use hapax_core::span::Word;

/// The words of the line with its addresses made one word, as `bind` takes them. `words` begins with the section's name.
pub(crate) fn with_one_list(words: &[Word], registry: &Registry) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(words.len());
    let mut rest = words.iter();
    out.extend(rest.next().cloned());
    let mut list: Option<Word> = None;
    while let Some(word) = rest.as_slice().first() {
        let Some(so_far) = &mut list else {
            list = Some(word.clone());
            rest.next();
            continue;
        };
        let open = so_far.text.ends_with(b",") || word.text.starts_with(b",");
        if !open && !is_address(word, registry) {
            break;
        }
        if !open {
            so_far.text.push(b',');
        }
        so_far.text.extend_from_slice(&word.text);
        so_far.span = so_far.span.to(word.span);
        rest.next();
    }
    if let Some(mut list) = list {
        if list.text.ends_with(b",") {
            list.text.pop();
        }
        out.push(list);
    }
    out.extend(rest.cloned());
    out
}

fn is_address(word: &Word, registry: &Registry) -> bool {
    let option = word
        .as_str()
        .is_some_and(|name| registry.bind_options.find(name).is_some());
    !option && word.text.contains(&b':')
}
