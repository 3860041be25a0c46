//! `-dL`: the files whose code this process runs, from what the kernel has mapped.

/// Prints the list, with the ranges of addresses when they are wanted.
pub fn print(ranges: bool) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    println!("List of loaded object files:");
    for (path, from, to) in objects(&maps) {
        if ranges {
            println!("0x{from:012x}-0x{to:012x} (0x{:07x}) {path}", to - from);
        } else {
            println!("{path}");
        }
    }
}

/// Each mapped file that holds code, with its first and last address, in the order of the map.
fn objects(maps: &str) -> Vec<(&str, u64, u64)> {
    let mut objects: Vec<(&str, u64, u64, bool)> = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else {
            continue;
        };
        let Some(path) = line.find(" /").and_then(|at| line.get(at + 1..)) else {
            continue;
        };
        let Some((from, to)) = range.split_once('-') else {
            continue;
        };
        let address = |text| u64::from_str_radix(text, 16).unwrap_or_default();
        let code = rights.contains('x');
        match objects.iter_mut().find(|object| object.0 == path) {
            Some(object) => {
                object.2 = address(to);
                object.3 |= code;
            }
            None => objects.push((path, address(from), address(to), code)),
        }
    }
    let code = objects.into_iter().filter(|object| object.3);
    code.map(|(path, from, to, _)| (path, from, to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_code_are_listed_once() {
        let maps = "10-20 r--p 0 08:01 7    /bin/a\n20-30 r-xp 0 08:01 7    /bin/a\n\
                    30-40 r--p 0 08:01 8    /etc/data\n40-50 rw-p 0 00:00 0 [heap]\n";
        assert_eq!(objects(maps), [("/bin/a", 0x10, 0x30)]);
    }
}
