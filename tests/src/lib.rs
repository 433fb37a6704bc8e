//! The laboratory: the whole server under test.
