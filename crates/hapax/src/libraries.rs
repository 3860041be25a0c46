//! `-dL`: the files whose code this process runs, from what the kernel has mapped.

use hapax_runtime::cli::objects;

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
