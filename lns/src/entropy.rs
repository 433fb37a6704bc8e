//! Where randomness comes from: the operating system. Everyone below the shell is given theirs.

/// `N` random bytes.
///
/// # Panics
/// When the system has no randomness to give. Keys and nonces that are guessed are worse than a
/// server that does not run.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A random number of 32 bits. Panics as [`bytes()`] does.
pub fn u32() -> u32 {
    u32::from_ne_bytes(bytes())
}

/// A random number of 64 bits. Panics as [`bytes()`] does.
pub fn u64() -> u64 {
    u64::from_ne_bytes(bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_the_same() {
        let draws: std::collections::HashSet<u64> = (0..1000).map(|_| u64()).collect();
        assert_eq!(draws.len(), 1000);
        assert_ne!(bytes::<16>(), bytes::<16>());
    }
}
