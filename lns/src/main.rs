//! The `lns` binary.

fn main() -> std::process::ExitCode {
    lns::cli::main()
}
