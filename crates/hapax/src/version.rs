//! What `-v` and `-vv` say.

/// The version in the form that tools parse: the HAProxy release it stands in for, then its own.
pub const VERSION: &str = concat!("3.2.0-hapax", env!("CARGO_PKG_VERSION"));

/// The version that `version_atleast` and its kin compare with: the release whose behaviour is the reference.
pub const REFERENCE: &str = "3.2.26";

/// The date of this version.
pub const DATE: &str = "2026/11/20";

/// The answer to `-v`.
pub fn short() -> String {
    format!(
        "HAProxy version {VERSION} {DATE} - hapax, a drop-in replacement for HAProxy\n\
         Status: hapax {} follows HAProxy {REFERENCE}; it is a program of its own, written in Rust.\n\
         Running on: {}\n",
        env!("CARGO_PKG_VERSION"),
        system()
    )
}

/// The answer to `-vv`.
pub fn long(features: &[&str]) -> String {
    let mut features: Vec<_> = features.to_vec();
    features.sort_unstable();
    let list: String = features.iter().map(|name| format!(" +{name}")).collect();
    format!(
        "{}Build options : \n  TARGET  = {}-{}\n\nFeature list :{list}\n\nDefault settings :\n  bufsize = 16384, maxrewrite = 1024\n\n\
         Built with multi-threading support.\nBuilt with transparent proxy support using: IP_TRANSPARENT IPV6_TRANSPARENT IP_FREEBIND\n\n\
         {}\n",
        short(),
        std::env::consts::OS,
        std::env::consts::ARCH,
        machinery(),
    )
}

/// How it learns of events, and what filters there are.
pub fn machinery() -> String {
    let mut text = "Available polling systems :\n      epoll : pref=300,  test result OK\nTotal: 1 (1 usable), will use epoll.\n\n\
                    Available filters :"
        .to_owned();
    for (family, name) in FILTERS {
        text += &format!("\n\t[{family:>5}] {name}");
    }
    text
}

/// The filters of this build, each after its family.
const FILTERS: &[(&str, &str)] = &[("BWLIM", "bwlim-in"), ("BWLIM", "bwlim-out")];

fn system() -> String {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/kernel/{name}"))
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    format!(
        "{} {} {} {}",
        read("ostype"),
        read("osrelease"),
        read("version"),
        std::env::consts::ARCH
    )
}
