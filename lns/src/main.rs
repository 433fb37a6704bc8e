//! The `lns` binary.

fn main() -> anyhow::Result<()> {
    Ok(())
}
