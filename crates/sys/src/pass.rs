//! Passing descriptors to another process over a unix socket (`SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// Most descriptors in one message: the kernel's own limit.
pub const MOST: usize = 253;

/// Sends `bytes` (at least one) and with them up to [`MOST`] descriptors. The receiver gets duplicates.
pub fn send_descriptors(socket: impl AsFd, bytes: &[u8], fds: &[RawFd]) -> io::Result<usize> {
    if bytes.is_empty() || fds.len() > MOST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let parts = [IoSlice::new(bytes)];
    let rights = [ControlMessage::ScmRights(fds)];
    let control = if fds.is_empty() { &[][..] } else { &rights[..] };
    let fd = socket.as_fd().as_raw_fd();
    Ok(sendmsg::<()>(
        fd,
        &parts,
        control,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?)
}

/// Receives bytes and the descriptors that came with them; they are ours and close-on-exec.
pub fn receive_descriptors(
    socket: impl AsFd,
    into: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut parts = [IoSliceMut::new(into)];
    let mut room = nix::cmsg_space!([RawFd; MOST]);
    let fd = socket.as_fd().as_raw_fd();
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(fd, &mut parts, Some(&mut room), flags)?;
    let mut fds = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            for number in numbers {
                // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
                fds.push(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
    Ok((message.bytes, fds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;

    #[test]
    fn a_descriptor_arrives_and_works() {
        let (here, there) = stream::socket_pair().expect("pair");
        let (one, two) = stream::socket_pair().expect("pair");
        send_descriptors(&here, b"!", &[one.as_raw_fd()]).expect("send");
        drop(one);
        let mut bytes = [0; 8];
        let (count, fds) = receive_descriptors(&there, &mut bytes).expect("receive");
        assert_eq!((count, bytes[0], fds.len()), (1, b'!', 1));
        stream::send(&fds[0], b"hi", b"", false).expect("send");
        assert_eq!(stream::recv(&two, &mut bytes).expect("recv"), 2);
        assert!(send_descriptors(&here, b"", &[]).is_err());
    }
}
