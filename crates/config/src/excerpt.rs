//! The piece of a line that upstream prints below a message, with a caret line.

/// Two indented lines: at most 80 columns of `line` around byte `at`, and a caret. White space before the first word is left
/// out; what does not print becomes `?`.
pub(crate) fn excerpt(line: &[u8], at: usize) -> String {
    let lead = line
        .iter()
        .take_while(|byte| is_space(**byte))
        .count()
        .min(at);
    let line = line.get(lead..).unwrap_or(&[]);
    let at = at - lead;
    let (shown, caret) = if at < WIDTH {
        (
            printable(line.get(..line.len().min(WIDTH)).unwrap_or(&[])),
            at,
        )
    } else {
        let rest = line.get(at + 3 - WIDTH / 2..).unwrap_or(&[]);
        let cut = rest.get(..rest.len().min(WIDTH - 6)).unwrap_or(&[]);
        (format!("...{}...", printable(cut)), WIDTH / 2)
    };
    format!("  {shown}\n  {}^", " ".repeat(caret))
}

/// C's `isspace` without locale.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn printable(text: &[u8]) -> String {
    text.iter()
        .map(|&byte| match byte {
            _ if is_space(byte) => ' ',
            0x20..=0x7e => char::from(byte),
            _ => '?',
        })
        .collect()
}

const WIDTH: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let long = [b"y".repeat(120), b"\\xzz".to_vec(), b"w".repeat(30)].concat();
        let text = excerpt(&long, 120);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len() - 2, 77);
        assert!(lines[0].starts_with("  ...yyy") && lines[0].ends_with("www..."));
        assert_eq!(lines[1].find('^'), Some(42));
        let text = excerpt(&long, 121);
        assert!(text.starts_with("  ...yyy"));
    }

    #[test]
    fn white_space_before_the_first_word_is_left_out() {
        assert_eq!(excerpt(b" foo \"x\t\x01", 5), "  foo \"x ?\n      ^");
        assert_eq!(excerpt(b"", 0), "  \n  ^");
    }
}
