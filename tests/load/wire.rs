//! The way to the server's UDP port: the protocol's headers, and many datagrams in one call.
#![allow(unsafe_code)]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Semtech's UDP protocol, version 2: EUI of the gateway in network order after four bytes.
pub type Header = [u8; 12];

/// Datagrams in one call, at most.
pub const BATCH: usize = 64;

const PUSH_DATA: u8 = 0;
const PULL_DATA: u8 = 2;
/// A downlink for a gateway.
pub const PULL_RESP: u8 = 3;
const TX_ACK: u8 = 5;

/// What the socket may hold of what the server sends and nobody reads: acknowledgements.
const BUFFER: libc::c_int = 4 << 20;

/// The EUI of the nth gateway.
pub fn gateway_eui(gateway: u32) -> u64 {
    0x0016_c001_0000_0000 + u64::from(gateway)
}

fn header(kind: u8, token: u16, gateway: u32) -> Header {
    let mut header = [2, 0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0];
    header[1..3].copy_from_slice(&token.to_be_bytes());
    header[4..].copy_from_slice(&gateway_eui(gateway).to_be_bytes());
    header
}

/// The header of receptions.
pub fn push_data(token: u16, gateway: u32) -> Header {
    header(PUSH_DATA, token, gateway)
}

/// The gateways' common way to the server.
pub struct Wire {
    socket: UdpSocket,
}

impl Wire {
    /// A way to the server's port.
    pub fn open(server: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.connect(server)?;
        for option in [libc::SO_SNDBUFFORCE, libc::SO_RCVBUFFORCE] {
            set_buffer(&socket, option);
        }
        Ok(Wire { socket })
    }

    /// Says that these gateways can be reached here, and waits for the server to answer.
    pub fn pull(&self, gateways: u32) -> io::Result<()> {
        for gateway in 0..gateways {
            self.socket.send(&header(PULL_DATA, gateway as u16, gateway))?;
        }
        Ok(())
    }

    /// Confirms a downlink to the server.
    pub fn tx_ack(&self, token: [u8; 2], gateway: u32) -> io::Result<()> {
        let mut datagram = header(TX_ACK, u16::from_be_bytes(token), gateway).to_vec();
        datagram.extend_from_slice(br#"{"txpk_ack":{"error":"NONE"}}"#);
        self.socket.send(&datagram).map(|_| ())
    }

    /// Waits for a datagram, no longer than the timeout that was set.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buffer)
    }

    /// Limits [`receive`](Self::receive).
    pub fn set_timeout(&self, timeout: std::time::Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(timeout))
    }

    /// Sends datagrams of a header and a body, at most [`BATCH`], in one call.
    ///
    /// Fails when the system takes fewer than all.
    pub fn send(&self, datagrams: &[(Header, &[u8])]) -> io::Result<()> {
        assert!(datagrams.len() <= BATCH, "more than a batch");
        let empty = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        let mut parts = [[empty; 2]; BATCH];
        for (part, (header, body)) in parts.iter_mut().zip(datagrams) {
            *part = [part_of(header), part_of(body)];
        }
        // SAFETY: all zeros is a valid mmsghdr: no name, no parts, no control messages.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        for (message, part) in messages.iter_mut().zip(&mut parts) {
            message.msg_hdr.msg_iov = part.as_mut_ptr();
            message.msg_hdr.msg_iovlen = 2;
        }
        let mut sent = 0;
        while sent < datagrams.len() {
            let rest = &mut messages[sent..datagrams.len()];
            // SAFETY: `rest` points into `messages`, whose parts live in `parts` and point to bytes
            // that `datagrams` borrows; all of them outlive the call, which only reads them.
            let taken = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    0,
                )
            };
            if taken < 0 {
                return Err(io::Error::last_os_error());
            }
            sent += taken as usize;
        }
        Ok(())
    }
}

fn part_of(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

/// Asks for a large buffer; without the right to it the default has to do.
fn set_buffer(socket: &UdpSocket, option: libc::c_int) {
    // SAFETY: the descriptor is open as long as `socket` lives, and `BUFFER` is a c_int whose
    // address and size are passed.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(&BUFFER).cast(),
            size_of_val(&BUFFER) as libc::socklen_t,
        );
    }
}
