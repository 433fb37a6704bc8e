//! AWS's device SDKs for Python against the program's shadows, over mutual TLS.
//!
//! The script does the work; `PYTHON` names another interpreter than `python3`.

use std::process::Command;

use system_tests::harness::Place;

/// The interpreter, when it has the SDKs.
fn python() -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let import = ["-c", "import awscli, awsiot, AWSIoTPythonSDK"];
    let there = Command::new(&python).args(import).output().is_ok_and(|it| it.status.success());
    let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
    assert!(there || !required, "{python}: pip install awsiotsdk AWSIoTPythonSDK awscli");
    there.then_some(python)
}

#[test]
fn awss_own_device_sdks_keep_their_shadows_here() {
    let Some(python) = python() else {
        return eprintln!("skipped: pip install awsiotsdk AWSIoTPythonSDK awscli");
    };
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let (config, secure) = (folder.path().join("lns.toml"), place.port(8883));
    std::fs::write(&config, format!("[mqtt]\ntls_listen = \"{secure}\"\n")).expect("a file");
    let server = super::start(place, folder.path(), &["--config", &config.to_string_lossy()]);
    let script = "../tests/system/contract/aws_device_sdks.py";
    let done = Command::new(python)
        .arg(format!("{}/{script}", env!("CARGO_MANIFEST_DIR")))
        .args([format!("http://{}", place.http()), secure.to_string()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("the interpreter runs");
    let said = String::from_utf8_lossy(&done.stdout);
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}{complained}{}", server.log());
    for client in ["IotShadowClient", "IotShadowClientV2", "AWSIoTMQTTShadowClient"] {
        assert!(said.lines().any(|line| line == client), "{client}: {said}{complained}");
    }
}
