//! One line of the runtime API: commands separated by `;`, words by blanks, `\` before what shall stand for itself.

/// The commands of a line, each as its words. A carriage return at the end counts as one more, empty command.
pub fn commands(line: &[u8]) -> Vec<Vec<String>> {
    let (line, carriage_return) = match line.strip_suffix(b"\r") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let mut commands = vec![Vec::new()];
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word
                .get_or_insert_default()
                .push(bytes.next().unwrap_or(b'\\')),
            b' ' | b'\t' => end_word(&mut commands, &mut word),
            b';' => {
                end_word(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    end_word(&mut commands, &mut word);
    if carriage_return {
        commands.push(Vec::new());
    }
    commands
}

fn end_word(commands: &mut [Vec<String>], word: &mut Option<Vec<u8>>) {
    if let (Some(word), Some(last)) = (word.take(), commands.last_mut()) {
        last.push(String::from_utf8_lossy(&word).into_owned());
    }
}

/// Whether the line announces lines of payload: the line without the mark, and the line that ends them.
pub fn payload(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let at = line.windows(2).rposition(|pair| pair == b"<<")?;
    let (command, end) = (&line[..at], &line[at + 2..]);
    let glued = command
        .last()
        .is_some_and(|byte| !byte.is_ascii_whitespace());
    let plain = end.len() <= LONGEST_END && !end.iter().any(u8::is_ascii_whitespace);
    (plain && !glued).then(|| (command, end.to_vec()))
}

/// Characters that may follow `<<`.
const LONGEST_END: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(line: &str) -> String {
        let commands = commands(line.as_bytes());
        let commands: Vec<_> = commands.iter().map(|words| words.join("|")).collect();
        commands.join("//")
    }

    #[test]
    fn lines_are_split_as_upstream_does() {
        assert_eq!(joined("  show\t version "), "show|version");
        assert_eq!(joined("a;b;;c"), "a//b////c");
        assert_eq!(
            joined("echo a\\;b \"c  d\" \\\\ x"),
            "echo|a;b|\"c|d\"|\\|x"
        );
        assert_eq!(joined("show\\ version"), "show version");
        assert_eq!(joined("show version\r"), "show|version//");
        assert_eq!(joined(""), "");
        assert_eq!(joined("a\\"), "a\\");
    }

    #[test]
    fn payload_is_announced_at_the_end() {
        assert_eq!(payload(b"echo a <<"), Some((&b"echo a "[..], Vec::new())));
        assert_eq!(
            payload(b"echo a <<%E%"),
            Some((&b"echo a "[..], b"%E%".to_vec()))
        );
        assert_eq!(payload(b"echo a<<"), None);
        assert_eq!(payload(b"echo a << b"), None);
        assert_eq!(payload(b"echo a <<12345678"), None);
    }
}
