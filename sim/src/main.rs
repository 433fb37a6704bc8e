//! The `sim` binary.

fn main() -> anyhow::Result<()> {
    Ok(())
}
