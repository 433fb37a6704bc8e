//! When the server dies.

/// Chance, from a seed that is printed.
pub struct Dice(u64);

impl Dice {
    /// Another seed each time; the test's output has it.
    pub fn cast() -> Self {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
        let seed = since.as_nanos() as u64 | 1;
        eprintln!("the moments of death are drawn from seed {seed}");
        Self(seed)
    }

    /// Xorshift: from `least` to below `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        least + self.0 % (most - least)
    }
}
