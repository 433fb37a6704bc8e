//! The `gateway-bridge` binary.

fn main() -> anyhow::Result<()> {
    Ok(())
}
