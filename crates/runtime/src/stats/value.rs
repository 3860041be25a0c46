//! Values of statistics, and how they are written.

use std::borrow::Cow;
use std::io::Write;

/// The value of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StatValue<'a> {
    /// The field does not apply.
    #[default]
    Empty,
    /// A small count or gauge.
    U32(u32),
    /// A number that may be negative.
    S32(i32),
    /// A counter.
    U64(u64),
    /// A number with a fraction, in millionths.
    Float(u64),
    /// Text.
    Str(Cow<'a, str>),
}

impl<'a> StatValue<'a> {
    /// Text that lives elsewhere.
    pub fn text(text: &'a str) -> StatValue<'a> {
        StatValue::Str(Cow::Borrowed(text))
    }

    /// A duration in seconds, cut to what the field holds.
    pub fn seconds(seconds: u64) -> StatValue<'a> {
        StatValue::U32(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// Whether the field does not apply.
    pub fn is_empty(&self) -> bool {
        matches!(self, StatValue::Empty)
    }

    /// The type's name in the typed and JSON forms.
    pub fn type_name(&self) -> &'static str {
        match self {
            StatValue::Empty | StatValue::Str(_) => "str",
            StatValue::U32(_) => "u32",
            StatValue::S32(_) => "s32",
            StatValue::U64(_) => "u64",
            StatValue::Float(_) => "flt",
        }
    }

    /// The number, 0 for text and nothing.
    pub fn number(&self) -> u64 {
        match self {
            StatValue::U32(value) => u64::from(*value),
            StatValue::U64(value) => *value,
            StatValue::Float(millionths) => millionths / MILLION,
            StatValue::S32(value) => u64::try_from(*value).unwrap_or(0),
            StatValue::Empty | StatValue::Str(_) => 0,
        }
    }

    /// Appends the plain value.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match self {
            StatValue::Empty => Ok(()),
            StatValue::U32(value) => write!(out, "{value}"),
            StatValue::S32(value) => write!(out, "{value}"),
            StatValue::U64(value) => write!(out, "{value}"),
            StatValue::Float(millionths) => write_float(*millionths, out),
            StatValue::Str(text) => out.write_all(text.as_bytes()),
        };
    }

    /// Appends the value as a CSV field: in quotes only where the text would be ambiguous.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        match self {
            StatValue::Str(text) if text.contains([',', '"', '\n', '\r']) => {
                out.push(b'"');
                for byte in text.bytes() {
                    match byte {
                        b'"' => out.extend_from_slice(b"\"\""),
                        // A row is a line.
                        b'\n' => out.push(b' '),
                        b'\r' => {}
                        _ => out.push(byte),
                    }
                }
                out.push(b'"');
            }
            other => other.write(out),
        }
    }

    /// Appends the value as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            StatValue::Str(text) => write_json_text(text, out),
            StatValue::Empty => out.extend_from_slice(b"null"),
            other => other.write(out),
        }
    }
}

/// Without zeros at the end, and without a point before nothing.
fn write_float(millionths: u64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let fraction = format!("{:06}", millionths % MILLION);
    write!(out, "{}", millionths / MILLION)?;
    match fraction.trim_end_matches('0') {
        "" => Ok(()),
        digits => write!(out, ".{digits}"),
    }
}

const MILLION: u64 = 1_000_000;

/// Appends a JSON string.
pub fn write_json_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for char in text.chars() {
        let _ = match char {
            '"' => out.write_all(b"\\\""),
            '\\' => out.write_all(b"\\\\"),
            '\n' => out.write_all(b"\\n"),
            '\r' => out.write_all(b"\\r"),
            '\t' => out.write_all(b"\\t"),
            char if u32::from(char) < 0x20 => write!(out, "\\u{:04x}", u32::from(char)),
            char => write!(out, "{char}"),
        };
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(value: &StatValue<'_>) -> String {
        let mut out = Vec::new();
        value.write_csv(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn only_ambiguous_text_is_quoted() {
        assert_eq!(csv(&StatValue::text("a b")), "a b");
        assert_eq!(csv(&StatValue::text("a,\"b\"")), "\"a,\"\"b\"\"\"");
        assert_eq!(csv(&StatValue::Empty), "");
        assert_eq!(csv(&StatValue::S32(-1)), "-1");
        assert_eq!(csv(&StatValue::seconds(u64::MAX)), "4294967295");
        assert_eq!(csv(&StatValue::Float(1_608_040)), "1.60804");
        assert_eq!(csv(&StatValue::Float(14_000_000)), "14");
    }

    #[test]
    fn json_text_is_escaped() {
        let mut out = Vec::new();
        StatValue::text("a\"\\\n\u{1}\u{e9}").write_json(&mut out);
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "\"a\\\"\\\\\\n\\u0001\u{e9}\""
        );
    }
}
