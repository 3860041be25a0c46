//! Users, groups and the root folder of the process.

use std::ffi::CString;
use std::io;
use std::path::Path;

use nix::unistd::{self, Gid, Group, Uid, User};

/// A user of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

/// Looks a user up by name.
pub fn user(name: &str) -> io::Result<Option<Account>> {
    Ok(User::from_name(name)?.map(|user| Account {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
    }))
}

/// Looks a group up by name and answers its id.
pub fn group(name: &str) -> io::Result<Option<u32>> {
    Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()))
}

/// Effective user id of this process.
pub fn effective_uid() -> u32 {
    Uid::effective().as_raw()
}

/// Effective group id of this process.
pub fn effective_gid() -> u32 {
    Gid::effective().as_raw()
}

/// Becomes the given group for good, with no supplementary groups but those given.
pub fn set_group(gid: u32, supplementary: &[u32]) -> io::Result<()> {
    let groups: Vec<Gid> = supplementary.iter().copied().map(Gid::from_raw).collect();
    unistd::setgroups(&groups)?;
    Ok(unistd::setgid(Gid::from_raw(gid))?)
}

/// Takes the supplementary groups that the system's database gives to user `name`.
pub fn init_groups(name: &str, gid: u32) -> io::Result<()> {
    let name = CString::new(name)?;
    Ok(unistd::initgroups(&name, Gid::from_raw(gid))?)
}

/// Becomes the given user for good. The last step: afterwards there are no privileges left.
pub fn set_user(uid: u32) -> io::Result<()> {
    Ok(unistd::setuid(Uid::from_raw(uid))?)
}

/// Makes `folder` the root of the file system and goes into it.
pub fn chroot(folder: &Path) -> io::Result<()> {
    unistd::chroot(folder)?;
    Ok(unistd::chdir("/")?)
}

/// Sets owner and group of a file; `None` keeps what it has.
pub fn chown(path: &Path, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    Ok(unistd::chown(
        path,
        uid.map(Uid::from_raw),
        gid.map(Gid::from_raw),
    )?)
}

/// Name of this host.
pub fn host_name() -> io::Result<String> {
    let mut room = [0u8; 256];
    // SAFETY: the kernel writes at most one byte less than the room, so that a zero byte ends the name.
    crate::check(unsafe { libc::gethostname(room.as_mut_ptr().cast(), room.len() - 1) })?;
    let end = room.iter().position(|byte| *byte == 0).unwrap_or(0);
    Ok(String::from_utf8_lossy(&room[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nobody_else_is_invented() {
        let root = user("root").expect("database").expect("root exists");
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(group("root").expect("database"), Some(0));
        assert_eq!(user("no-such-user-here").expect("database"), None);
        assert_eq!(group("no-such-group-here").expect("database"), None);
        assert!(!host_name().expect("name").is_empty());
    }
}
