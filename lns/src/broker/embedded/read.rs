//! Reading without a buffer for each connection: fifteen thousand idle clients hold none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::ready;

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// Read at once: many small packets, or a part of a large one.
const CHUNK: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// Reads what is there, at least one byte, to the end of `bytes`; 0 at the end. Loses nothing when it
/// is dropped before it is ready.
pub(super) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    bytes: &mut BytesMut,
) -> io::Result<usize> {
    poll_fn(|context| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *from).poll_read(context, &mut buffer))?;
            bytes.extend_from_slice(buffer.filled());
            io::Result::Ok(buffer.filled().len()).into()
        })
    })
    .await
}
