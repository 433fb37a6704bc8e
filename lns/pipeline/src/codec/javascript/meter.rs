//! What a script has used: CPU time and memory. All `unsafe` of this crate is in this file.
//!
//! Both limits are kept by one [`Meter`], which the interpreter asks from two places. Its
//! interrupt handler runs every ten thousand loops and calls. Its allocator is asked for every
//! block above half a kilobyte (smaller ones are cut from arenas); there, time is checked too,
//! because ten thousand turns that each copy a megabyte take seconds.
#![allow(unsafe_code)]

use std::alloc::Layout;
use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::Allocator;
use rquickjs::{Ctx, qjs};

use crate::codec::CodecError;

/// CPU time this thread has used, in ns.
///
/// The one clock read in this crate. It measures the work done by a script, not the time of day,
/// so a busy machine does not make an honest script fail. 0 if the system has no such clock,
/// which leaves scripts without a time limit; Linux has had it since 2.6.
fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec, which is all that clock_gettime writes to.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0;
    if failed {
        return 0;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Tells the interpreter where the stack stands now.
///
/// It measures a script's depth from where its runtime was made. Called from deeper in the
/// program than that, a script would be charged for our frames too.
pub(super) fn measure_stack_from_here(ctx: &Ctx<'_>) {
    // SAFETY: `ctx` keeps its context, and so its runtime, alive; this thread owns both, and no
    // script is running, so nobody depends on the old limit.
    unsafe { qjs::JS_UpdateStackTop(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) }
}

/// Counts for one runtime, one call at a time. Clones share their state.
#[derive(Clone)]
pub(super) struct Meter(Rc<State>);

struct State {
    memory_limit: Cell<usize>,
    memory: Cell<usize>,
    memory_denied: Cell<bool>,
    time_limit_us: Cell<u64>,
    /// `None` until somebody asks: a short call, about which nobody asks, costs no system call.
    deadline_ns: Cell<Option<u64>>,
    time_denied: Cell<bool>,
}

impl Meter {
    /// Counts, and refuses nothing yet.
    pub(super) fn unlimited() -> Self {
        Self(Rc::new(State {
            memory_limit: Cell::new(usize::MAX),
            memory: Cell::new(0),
            memory_denied: Cell::new(false),
            time_limit_us: Cell::new(u64::MAX),
            deadline_ns: Cell::new(None),
            time_denied: Cell::new(false),
        }))
    }

    /// From now on refuses more than `bytes`, what is in use already included.
    pub(super) fn limit_memory(&self, bytes: usize) {
        self.0.memory_limit.set(bytes);
    }

    /// Gives the next call `limit_us` of CPU time.
    pub(super) fn start(&self, limit_us: u64) {
        self.0.memory_denied.set(false);
        self.0.time_limit_us.set(limit_us);
        self.0.deadline_ns.set(None);
        self.0.time_denied.set(false);
    }

    /// Whether the call's time is over; once over, it stays over.
    pub(super) fn out_of_time(&self) -> bool {
        let now = thread_cpu_ns();
        match self.0.deadline_ns.get() {
            None => {
                let limit_ns = self.0.time_limit_us.get().saturating_mul(1000);
                self.0.deadline_ns.set(Some(now.saturating_add(limit_ns)));
            }
            Some(deadline) => self.0.time_denied.set(now >= deadline),
        }
        self.0.time_denied.get()
    }

    /// The limit this call ran into, if it did. A script may catch the exception that tells it
    /// about memory; the limit was hit all the same.
    pub(super) fn verdict(&self) -> Option<CodecError> {
        if self.0.time_denied.get() {
            return Some(CodecError::TimeLimit { limit_us: self.0.time_limit_us.get() });
        }
        let memory = CodecError::MemoryLimit { limit_bytes: self.0.memory_limit.get() };
        self.0.memory_denied.get().then_some(memory)
    }

    /// Whether `size` more bytes may be had.
    fn grants(&self, size: usize) -> bool {
        let fits = self.0.memory.get().saturating_add(size) <= self.0.memory_limit.get();
        if !fits {
            self.0.memory_denied.set(true);
        }
        fits && !(size >= TIMED_BYTES && self.out_of_time())
    }

    fn took(&self, size: usize) {
        self.0.memory.set(self.0.memory.get().saturating_add(size));
    }

    fn gave_back(&self, size: usize) {
        self.0.memory.set(self.0.memory.get().saturating_sub(size));
    }
}

/// A block of this size costs more to fill than it costs to ask for the time.
const TIMED_BYTES: usize = 16 * 1024;

/// Before every block stands its size. 16 bytes, so that the block is aligned as `malloc` aligns.
const HEADER: usize = 16;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(HEADER)?, HEADER).ok()
}

/// Writes the size of the new block `base` before it, and returns the block.
///
/// # Safety
/// `base` is null, or points to `size + HEADER` bytes aligned to `HEADER`.
unsafe fn with_header(meter: &Meter, base: *mut u8, size: usize) -> *mut u8 {
    if base.is_null() {
        return base;
    }
    meter.took(size);
    // SAFETY: the caller has made sure that there is room for the header.
    unsafe {
        base.cast::<usize>().write(size);
        base.add(HEADER)
    }
}

/// # Safety
/// `block` came from [`with_header`].
unsafe fn size_of_block(block: *mut u8) -> usize {
    // SAFETY: the header stands before the block.
    unsafe { block.sub(HEADER).cast::<usize>().read() }
}

// SAFETY: blocks come from the global allocator with room for the size asked for, aligned to 16,
// and their size is remembered before them.
unsafe impl Allocator for Meter {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        match layout(size) {
            // SAFETY: the layout is never of size 0, it has a header; and it has room for both.
            Some(layout) if self.grants(size) => unsafe {
                with_header(self, std::alloc::alloc(layout), size)
            },
            Some(_) | None => std::ptr::null_mut(),
        }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(size) = count.checked_mul(size) else { return std::ptr::null_mut() };
        match layout(size) {
            // SAFETY: as in `alloc`.
            Some(layout) if self.grants(size) => unsafe {
                with_header(self, std::alloc::alloc_zeroed(layout), size)
            },
            Some(_) | None => std::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        if block.is_null() {
            return;
        }
        // SAFETY: the caller hands back a block of ours, so that its layout is that of its size.
        unsafe {
            let size = size_of_block(block);
            self.gave_back(size);
            let layout = layout(size).expect("it was allocated with this layout");
            std::alloc::dealloc(block.sub(HEADER), layout);
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, new_size: usize) -> *mut u8 {
        if block.is_null() {
            return self.alloc(new_size);
        }
        // SAFETY: the caller hands us a block of ours.
        let size = unsafe { size_of_block(block) };
        if new_size > size && !self.grants(new_size - size) {
            return std::ptr::null_mut();
        }
        let (Some(old), Some(new)) = (layout(size), layout(new_size)) else {
            return std::ptr::null_mut();
        };
        // SAFETY: `old` is the block's layout, and the new size with its header is not 0. If the
        // block moves, its old place is gone and only its new one counts.
        unsafe {
            let base = std::alloc::realloc(block.sub(HEADER), old, new.size());
            if !base.is_null() {
                self.gave_back(size);
            }
            with_header(self, base, new_size)
        }
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        if block.is_null() {
            return 0;
        }
        // SAFETY: the caller hands us a block of ours.
        unsafe { size_of_block(block) }
    }
}
