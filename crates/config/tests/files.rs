//! Files and folders in upstream's order.

use std::path::PathBuf;

use hapax_config::files::load;

/// A folder of its own that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("hapax-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    fn write(&self, name: &str) {
        std::fs::write(self.0.join(name), "global\n").expect("a file");
    }

    fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_folder_gives_its_cfg_files_by_the_bytes_of_their_names() {
    let folder = Folder::new("order");
    for name in ["b.cfg", "a.cfg", "Z.cfg", ".h.cfg", "t.txt", ".cfg"] {
        folder.write(name);
    }
    std::fs::create_dir(folder.0.join("sub.cfg")).expect("a folder");
    let path = folder.path();
    let sources = load(&[format!("{path}/b.cfg"), path.clone()]).expect("files");
    let paths: Vec<String> = sources
        .iter()
        .map(|source| source.path.replace(&path, ""))
        .collect();
    assert_eq!(paths, ["/b.cfg", "/Z.cfg", "/a.cfg", "/b.cfg"]);
}

#[test]
fn what_cannot_be_read_gets_upstreams_text() {
    let folder = Folder::new("missing");
    folder.write("a.cfg");
    let path = folder.path();
    let error = |argument: String| load(&[argument]).expect_err("an error").to_string();
    assert_eq!(
        error(format!("{path}/no")),
        format!("Cannot open configuration file/directory {path}/no : No such file or directory")
    );
    assert_eq!(
        error(format!("{path}/a.cfg/x")),
        format!("Cannot open configuration file/directory {path}/a.cfg/x : Not a directory")
    );
    std::os::unix::fs::symlink("nowhere", folder.0.join("m.cfg")).expect("a link");
    assert_eq!(
        error(path.clone()),
        format!("Cannot open configuration file {path} : No such file or directory")
    );
    assert!(load::<&str>(&[]).expect("nothing").iter().next().is_none());
}
