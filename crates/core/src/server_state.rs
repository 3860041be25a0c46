//! State files: what `show servers state` writes and a later process reads (management manual, 9.3).

use std::net::IpAddr;

use hashbrown::HashMap;
use serde::Serialize;

use crate::ir;
use crate::live::Operation;

/// The only version of the format.
pub const VERSION: &str = "1";

/// The line that names the columns.
pub const HEADER: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
srv_agent_port";

/// Bits of `srv_admin_state`.
pub mod admin {
    /// Forced into maintenance.
    pub const MAINTENANCE: u32 = 0x01;
    /// Maintenance inherited from a tracked server.
    pub const INHERITED_MAINTENANCE: u32 = 0x02;
    /// The configuration had it in maintenance.
    pub const FROM_CONFIGURATION: u32 = 0x04;
    /// Forced to drain.
    pub const DRAIN: u32 = 0x08;
    /// Drain inherited from a tracked server.
    pub const INHERITED_DRAIN: u32 = 0x10;
    /// Its name does not resolve.
    pub const UNRESOLVED: u32 = 0x20;
    /// The name was set over the runtime API.
    pub const NAME_SET: u32 = 0x40;
    /// All of them.
    pub const ALL: u32 = 0x7f;
}

/// Bits of `srv_check_state` and `srv_agent_state`.
pub mod check {
    /// A check runs.
    pub const RUNNING: u32 = 0x01;
    /// The configuration has a check.
    pub const CONFIGURED: u32 = 0x02;
    /// It is not disabled.
    pub const ENABLED: u32 = 0x04;
    /// It pauses during maintenance.
    pub const PAUSED: u32 = 0x08;
    /// It is one of an agent.
    pub const AGENT: u32 = 0x10;
    /// All of them.
    pub const ALL: u32 = 0x1f;

    /// Whether the administrator had turned it off.
    pub fn is_off(bits: u32) -> bool {
        bits & CONFIGURED != 0 && bits & ENABLED == 0
    }
}

/// What is wrong with a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// There is nothing in it.
    #[error("empty")]
    Empty,
    /// It does not begin with a version that is known.
    #[error("unknown version")]
    Version,
    /// A line (from 1, the version not counted) is cut, too long or has too few fields.
    #[error("corrupted at line {0}")]
    Corrupted(usize),
}

/// A file that was read.
#[derive(Debug, Default)]
pub struct StateFile {
    rows: HashMap<(String, String), Row>,
    backends: Vec<(String, String)>,
}

/// The fields of a server, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<String>);

impl StateFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it is used then.
    pub fn read(text: &[u8]) -> Result<StateFile, FileFault> {
        if text.is_empty() {
            return Err(FileFault::Empty);
        }
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        let version = lines.next().unwrap_or_default();
        if version.trim_ascii_start() != b"1\n" {
            return Err(FileFault::Version);
        }
        let mut rows = HashMap::new();
        let mut backends = Vec::new();
        for (index, line) in lines.enumerate() {
            let corrupted = FileFault::Corrupted(index + 1);
            let line = line.strip_suffix(b"\n").ok_or(corrupted)?;
            if line.len() >= LONGEST_LINE {
                return Err(corrupted);
            }
            let fields = line
                .split(|byte| byte.is_ascii_whitespace())
                .filter(|field| !field.is_empty());
            let fields: Vec<String> = fields
                .map(|field| String::from_utf8_lossy(field).into_owned())
                .take(MOST_FIELDS)
                .collect();
            if fields.first().is_none_or(|first| first.starts_with('#')) {
                continue;
            }
            if fields.len() < LEAST_FIELDS {
                return Err(corrupted);
            }
            backends.push((fields[1].clone(), fields[0].clone()));
            let key = (fields[1].clone(), fields[3].clone());
            rows.entry(key).or_insert(Row(fields));
        }
        Ok(StateFile { rows, backends })
    }

    /// The name and the number of the backend that each row belongs to, in order.
    pub fn backends(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.backends.iter();
        own.map(|(name, id)| (name.as_str(), id.as_str()))
    }

    /// The row of a server.
    pub fn find(&self, backend: &str, server: &str) -> Option<&Row> {
        self.rows.get(&(backend.to_owned(), server.to_owned()))
    }
}

/// Bytes of a line that upstream does not read any more.
const LONGEST_LINE: usize = 2000;
/// Fields that every release wrote.
const LEAST_FIELDS: usize = 20;
/// Fields that are known.
const MOST_FIELDS: usize = 25;

/// What a file tells about a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// `srv_addr`, where it is an address.
    pub address: Option<IpAddr>,
    /// `srv_port`; none where it says that the port depends on the client's.
    pub port: Option<u16>,
    /// `srv_op_state`.
    pub operation: u32,
    /// `srv_admin_state`, see [`admin`].
    pub admin: u32,
    /// `srv_uweight`.
    pub weight: u32,
    /// `srv_iweight`.
    pub initial_weight: u32,
    /// `srv_time_since_last_change`, seconds.
    pub age: i64,
    /// `srv_check_status`.
    pub check_status: u32,
    /// `srv_check_result`.
    pub check_result: u32,
    /// `srv_check_state`, see [`check`].
    pub check_state: u32,
    /// `srv_agent_state`.
    pub agent_state: u32,
    /// `srv_check_addr`.
    pub check_address: Option<String>,
    /// `srv_check_port`.
    pub check_port: Option<String>,
    /// `srv_agent_addr`.
    pub agent_address: Option<String>,
    /// `srv_agent_port`.
    pub agent_port: Option<String>,
    /// Its host name.
    pub host: Option<String>,
    /// The name of the service records that it stood for.
    pub service: Option<String>,
}

impl Row {
    /// The values.
    ///
    /// # Errors
    /// Upstream's words about all that are wrong.
    pub fn values(&self) -> Result<Restored, String> {
        let mut wrong = String::new();
        let mut read = |at: usize, name: &str, allowed: fn(u32) -> bool| {
            let value = self
                .number(at)
                .and_then(|number| u32::try_from(number).ok());
            let value = value.filter(|value| allowed(*value));
            if value.is_none() {
                let text = self.field(at);
                wrong.push_str(&format!(", invalid {name} value '{text}'"));
            }
            value.unwrap_or(0)
        };
        let mut restored = Restored {
            operation: read(5, "srv_op_state", |state| state <= 3),
            admin: read(6, "srv_admin_state", |bits| {
                // Both at once were never written.
                let both = admin::MAINTENANCE | admin::DRAIN;
                bits <= admin::ALL && bits & both != both
            }),
            ..Restored::default()
        };
        restored.weight = read(7, "srv_uweight", |weight| weight <= MOST_WEIGHT);
        restored.initial_weight = read(8, "srv_iweight", |weight| weight <= MOST_WEIGHT);
        let age = self.number(9);
        if age.is_none() {
            read(9, "srv_last_time_change", |_| false);
        }
        restored.age = age.unwrap_or(0);
        restored.check_status = read(10, "srv_check_status", |status| status <= 20);
        restored.check_result = read(11, "srv_check_result", |result| result <= 4);
        // Not used: the operation state tells the health.
        if self.number(12).is_none() {
            read(12, "srv_check_health", |_| false);
        }
        restored.check_state = read(13, "srv_check_state", |bits| bits <= check::ALL);
        restored.agent_state = read(14, "srv_agent_state", |bits| bits <= check::ALL);
        read(15, "bk_f_forced_id", |flag| flag <= 1);
        read(16, "srv_f_forced_id", |flag| flag <= 1);
        let port = self.number(18).unwrap_or(0);
        if port > i64::from(u16::MAX) {
            read(18, "srv_port", |_| false);
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let relative = self.field(18).starts_with(['+', '-']);
        restored.port = u16::try_from(port).ok().filter(|_| !relative);
        restored.address = self.field(4).parse().ok();
        let given = |at: usize, nothing: &str| {
            let field = self.field(at);
            (!field.is_empty() && field != nothing).then(|| field.to_owned())
        };
        restored.check_port = given(21, "0");
        restored.check_address = given(22, "-");
        restored.agent_address = given(23, "-");
        restored.agent_port = given(24, "0");
        restored.host = given(17, "-");
        restored.service = given(19, "-");
        Ok(restored)
    }

    fn field(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    /// The number that a field begins with.
    fn number(&self, at: usize) -> Option<i64> {
        let text = self.field(at);
        let digits = text.strip_prefix('-').unwrap_or(text);
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let end = text.len() - digits.len() + length;
        (length > 0).then(|| text[..end].parse().unwrap_or(i64::MAX))
    }
}

/// The most a server may weigh.
const MOST_WEIGHT: u32 = 256;

impl Restored {
    /// The host name that a server of `line` begins with: the one that a service record had given it, or the administrator.
    pub fn host(&self, line: &ir::Server) -> Option<&String> {
        let own = line.host_name.as_ref()?;
        let host = self.host.as_ref()?;
        let counts = match own.starts_with('_') {
            true => self.service.as_ref() == Some(own),
            false => {
                self.admin & admin::NAME_SET != 0 && line.options.resolution.resolvers.is_some()
            }
        };
        counts.then_some(host)
    }

    /// Where the server was between down and up.
    pub fn operation(&self) -> Operation {
        match self.operation {
            0 => Operation::Stopped,
            1 => Operation::Starting,
            3 => Operation::Stopping,
            _ => Operation::Running,
        }
    }
}

/// The number of an operation state.
pub fn operation_number(operation: Operation) -> u32 {
    match operation {
        Operation::Stopped => 0,
        Operation::Starting => 1,
        Operation::Running => 2,
        Operation::Stopping => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "2 be 1 s1 127.0.0.1 2 0 9 5 50 8 2 4 6 0 0 0 - 39473 - 0 0 - - 0";

    fn read(text: &str) -> Result<StateFile, FileFault> {
        StateFile::read(text.as_bytes())
    }

    #[test]
    fn a_row_is_found_by_names() {
        let file = read(&format!("1\n{HEADER}\n\n{ROW}\n")).expect("a file");
        let row = file.find("be", "s1").expect("a row");
        let values = row.values().expect("values");
        assert_eq!((values.weight, values.initial_weight), (9, 5));
        assert_eq!(values.port, Some(39473));
        assert_eq!(values.address, Some([127, 0, 0, 1].into()));
        assert_eq!(values.check_port, None);
        assert!(file.find("be", "s2").is_none());
    }

    #[test]
    fn damaged_files_are_refused_whole() {
        assert_eq!(read("").err(), Some(FileFault::Empty));
        assert_eq!(read("2\n").err(), Some(FileFault::Version));
        assert_eq!(read("1\r\n").err(), Some(FileFault::Version));
        assert_eq!(read("1").err(), Some(FileFault::Version));
        assert_eq!(read("1\n#\nfoo\n").err(), Some(FileFault::Corrupted(2)));
        let cut = format!("1\n{ROW}");
        assert_eq!(read(&cut).err(), Some(FileFault::Corrupted(1)));
        let long = format!("1\n#{}\n", "x".repeat(2000));
        assert_eq!(read(&long).err(), Some(FileFault::Corrupted(1)));
    }

    #[test]
    fn all_wrong_values_are_named() {
        let row = "2 be 1 s1 127.0.0.1 9 9 999 x x 99 9 x 128 0 2 0 - 70000 -";
        let file = read(&format!("1\n{row}\n")).expect("a file");
        let wrong = file.find("be", "s1").expect("a row").values();
        assert_eq!(
            wrong.expect_err("wrong"),
            ", invalid srv_op_state value '9', invalid srv_admin_state value '9', invalid srv_uweight value '999', invalid \
             srv_iweight value 'x', invalid srv_last_time_change value 'x', invalid srv_check_status value '99', invalid \
             srv_check_result value '9', invalid srv_check_health value 'x', invalid srv_check_state value '128', invalid \
             bk_f_forced_id value '2', invalid srv_port value '70000'"
        );
    }
}
