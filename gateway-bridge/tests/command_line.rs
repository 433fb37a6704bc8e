//! What the binary says when it is started wrongly.

use std::process::Command;

#[test]
fn a_password_file_that_is_not_there_is_one_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_gateway-bridge"))
        .args(["--broker-url", "mqtt://127.0.0.1:1", "--username", "bridge"])
        .args(["--password-file", "/nowhere/password"])
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/nowhere/password") && said.lines().count() == 1, "{said}");
}
