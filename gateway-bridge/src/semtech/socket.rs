//! A UDP socket with what the standard library does not offer: a large receive buffer, the kernel's
//! own drops, arrival times, and many datagrams a call. The only unsafe code of the bridge.
//!
//! The kernel counts what it dropped because the buffer was full (SO_RXQ_OVFL) and stamps each
//! datagram when it arrives (SO_TIMESTAMPNS), so that a busy moment neither loses datagrams in
//! silence nor makes them look late.
#![allow(unsafe_code)]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockRef, Socket, Type};

/// What is asked for where nobody says otherwise, bytes: a second of 30 000 datagrams of 500 bytes.
pub const WANTED_BUFFER: usize = 16 << 20;
/// Below this much granted, bytes, a warning is worth its line.
const SMALL_BUFFER: usize = 4 << 20;
/// Datagrams a call.
pub const BATCH: usize = 32;
/// The longest UDP payload.
const LONGEST: usize = 65_535;
/// Room for control messages, in words: two of up to 32 bytes, and some to spare.
const CONTROL_WORDS: usize = 16;

/// A bound socket and how large its receive buffer is.
pub struct Bound {
    /// The socket, non-blocking.
    pub socket: UdpSocket,
    /// Receive buffer as the kernel reports it, bytes.
    pub receive_buffer: usize,
    /// What to do about a small one.
    pub warning: Option<String>,
}

/// Binds and asks for a receive buffer of `wanted` bytes; `[::]` takes IPv4, too.
pub fn bind(address: SocketAddr, wanted: usize) -> io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    let forced = libc::c_int::try_from(wanted).unwrap_or(libc::c_int::MAX);
    // FORCE needs CAP_NET_ADMIN; without it the kernel grants up to net.core.rmem_max.
    if set_option(&socket, libc::SO_RCVBUFFORCE, forced).is_err() {
        socket.set_recv_buffer_size(wanted)?;
    }
    for option in [libc::SO_RXQ_OVFL, libc::SO_TIMESTAMPNS] {
        set_option(&socket, option, 1)?;
    }
    socket.bind(&address.into())?;
    // The kernel reports twice what it was asked for, to cover its own overhead.
    let receive_buffer = socket.recv_buffer_size()? / 2;
    let small = receive_buffer < wanted.min(SMALL_BUFFER);
    let warning = small.then(|| small_buffer(receive_buffer, wanted));
    Ok(Bound { socket: socket.into(), receive_buffer, warning })
}

fn small_buffer(granted: usize, wanted: usize) -> String {
    format!(
        "the kernel grants a receive buffer of {granted} bytes where {wanted} were asked for; \
         bursts of uplinks may be dropped. Allow more: sysctl -w net.core.rmem_max={wanted}"
    )
}

fn set_option(socket: &Socket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(&value)).expect("four bytes");
    // SAFETY: the descriptor is open as long as `socket` lives, and `value` is a c_int whose
    // address and size are passed.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(&value).cast(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sends one datagram without waiting. `mapped` says that the socket is of IPv6 and wants IPv4
/// addresses in their mapped form.
pub fn send(
    socket: &impl std::os::fd::AsFd,
    mapped: bool,
    to: SocketAddr,
    bytes: &[u8],
) -> io::Result<()> {
    let to = match to {
        SocketAddr::V4(v4) if mapped => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        SocketAddr::V4(_) | SocketAddr::V6(_) => to,
    };
    SockRef::from(socket).send_to(bytes, &to.into()).map(drop)
}

/// Room for a batch of datagrams.
pub struct Receiver {
    slots: Vec<Slot>,
}

struct Slot {
    bytes: Vec<u8>,
    control: [u64; CONTROL_WORDS],
    from: Option<SocketAddr>,
    length: usize,
    truncated: bool,
    notes: Notes,
}

#[derive(Clone, Copy, Default)]
struct Notes {
    arrived: Option<i64>,
    dropped: Option<u32>,
}

/// One received datagram.
pub struct Datagram<'a> {
    /// Its contents.
    pub bytes: &'a [u8],
    /// Who sent it; IPv4 in its own form, also on an IPv6 socket.
    pub from: SocketAddr,
    /// When the kernel got it: µs since 1970 UTC.
    pub arrived: Option<i64>,
    /// How many datagrams the kernel had dropped on this socket by then, modulo 2³².
    pub dropped: Option<u32>,
    /// It was longer than the buffer.
    pub truncated: bool,
}

impl Default for Receiver {
    fn default() -> Self {
        let slot = || Slot {
            bytes: vec![0; LONGEST],
            control: [0; CONTROL_WORDS],
            from: None,
            length: 0,
            truncated: false,
            notes: Notes::default(),
        };
        Self { slots: (0..BATCH).map(|_| slot()).collect() }
    }
}

impl Receiver {
    /// Receives up to [`BATCH`] datagrams without waiting, and says how many.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let mut names: [SockAddrStorage; BATCH] =
            std::array::from_fn(|_| SockAddrStorage::zeroed());
        // SAFETY: iovec and mmsghdr are plain C structures for which all zeros is a valid value.
        let mut vectors: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let parts = self.slots.iter_mut().zip(&mut names).zip(&mut vectors).zip(&mut headers);
        for (((slot, name), vector), header) in parts {
            vector.iov_base = slot.bytes.as_mut_ptr().cast();
            vector.iov_len = slot.bytes.len();
            header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = name.size_of();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = slot.control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of_val(&slot.control) as _;
        }
        // SAFETY: every header points to a name, a vector and a control buffer that live until the
        // end of this function and are not touched meanwhile, with their true sizes; the vectors
        // point into the slots' buffers, borrowed mutably by `self`. No timeout is given.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for ((slot, name), header) in self.slots.iter_mut().zip(names).zip(&headers).take(count) {
            slot.length = usize::try_from(header.msg_len).unwrap_or(0);
            slot.truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            slot.notes = control(&header.msg_hdr);
            // SAFETY: the kernel has written an address of this length into `name`.
            let name = unsafe { SockAddr::new(name, header.msg_hdr.msg_namelen) };
            slot.from = name.as_socket().map(canonical);
        }
        Ok(count)
    }

    /// The first `count` datagrams of the last batch; those without a sender's address are left out.
    pub fn datagrams(&self, count: usize) -> impl Iterator<Item = Datagram<'_>> {
        self.slots.iter().take(count).filter_map(|slot| {
            Some(Datagram {
                bytes: slot.bytes.get(..slot.length)?,
                from: slot.from?,
                arrived: slot.notes.arrived,
                dropped: slot.notes.dropped,
                truncated: slot.truncated,
            })
        })
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Reads the control messages that the socket was set to give.
fn control(header: &libc::msghdr) -> Notes {
    let mut notes = Notes::default();
    // SAFETY: the kernel has filled `header`'s control buffer, which is still alive, and set its
    // length; the CMSG macros stay within it. The buffer is an array of u64, so cmsghdr is aligned.
    // Each payload is read unaligned, as the type that the kernel documents for its option.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(head) = message.as_ref() {
            let payload = libc::CMSG_DATA(message);
            match (head.cmsg_level, head.cmsg_type) {
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    notes.dropped = Some(payload.cast::<u32>().read_unaligned());
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let at = payload.cast::<libc::timespec>().read_unaligned();
                    notes.arrived = Some(at.tv_sec * 1_000_000 + at.tv_nsec / 1000);
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_batch_brings_contents_sender_and_arrival() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let bound = bind(address.parse().unwrap(), WANTED_BUFFER).unwrap();
            assert!(bound.receive_buffer > 0);
            let to = bound.socket.local_addr().unwrap();
            let sender = UdpSocket::bind(address).unwrap();
            for n in 0..5_u8 {
                sender.send_to(&[n; 3], to).unwrap();
            }
            let mut receiver = Receiver::default();
            let count = receiver.receive(bound.socket.as_fd()).unwrap();
            let datagrams: Vec<_> = receiver.datagrams(count).collect();
            assert_eq!(datagrams.len(), 5);
            for (n, datagram) in (0..).zip(&datagrams) {
                assert_eq!(datagram.bytes, [n; 3]);
                assert_eq!(datagram.from, sender.local_addr().unwrap());
                assert!(datagram.arrived.is_some_and(|at| at > 1_600_000_000_000_000));
                assert!(!datagram.truncated);
            }
            let empty = receiver.receive(bound.socket.as_fd()).unwrap_err();
            assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn what_the_kernel_drops_is_told() {
        let bound = bind("127.0.0.1:0".parse().unwrap(), WANTED_BUFFER).unwrap();
        SockRef::from(&bound.socket).set_recv_buffer_size(2048).unwrap();
        let to = bound.socket.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut receiver = Receiver::default();
        for _ in 0..100 {
            sender.send_to(&[0; 500], to).unwrap();
        }
        receiver.receive(bound.socket.as_fd()).unwrap();
        sender.send_to(&[1], to).unwrap();
        let count = receiver.receive(bound.socket.as_fd()).unwrap();
        let dropped = receiver.datagrams(count).filter_map(|datagram| datagram.dropped).max();
        assert!(dropped.is_some_and(|dropped| dropped > 50), "{dropped:?}");
    }

    #[test]
    fn a_small_buffer_says_which_sysctl() {
        assert!(
            small_buffer(212_992, WANTED_BUFFER).contains("sysctl -w net.core.rmem_max=16777216")
        );
    }
}
