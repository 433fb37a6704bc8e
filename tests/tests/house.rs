//! The house rules that a machine can keep: edges between packages, sizes, links, and what a tracked
//! file must not say. ARCHITECTURE.md and CONTRIBUTING.md say why.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of a file that is not a test.
const LONGEST_FILE: usize = 500;

/// Each package, and which of ours it may depend on.
const EDGES: [(&str, &str, &[&str]); 9] = [
    ("lns-lorawan", "lns/lorawan", &[]),
    ("lns-core", "lns/core", &["lns-lorawan"]),
    ("lns-pipeline", "lns/pipeline", &[]),
    ("lns-broker", "lns/broker", &["lns-pipeline"]),
    ("gateway-link", "lns/link", &[]),
    (
        "lns",
        "lns",
        &[
            "lns-lorawan",
            "lns-core",
            "lns-pipeline",
            "lns-broker",
            "gateway-link",
            "gateway-bridge",
            "sim",
        ],
    ),
    ("gateway-bridge", "gateway-bridge", &["gateway-link"]),
    ("sim", "sim", &["lns-lorawan", "gateway-bridge"]),
    (
        "system-tests",
        "tests",
        &[
            "lns",
            "lns-lorawan",
            "lns-core",
            "lns-pipeline",
            "gateway-link",
            "gateway-bridge",
            "sim",
        ],
    ),
];

/// Packages that know no socket, no file and no clock.
const PURE: [&str; 4] = ["lns/lorawan", "lns/core", "lns/broker", "lns/link"];

#[test]
fn packages_depend_on_what_the_house_allows() {
    let ours: BTreeSet<&str> = EDGES.iter().map(|(name, ..)| *name).collect();
    let mut wrong = Vec::new();
    for (name, folder, allowed) in EDGES {
        let manifest = manifest(folder);
        assert_eq!(manifest["package"]["name"].as_str(), Some(name), "{folder}/Cargo.toml");
        for (table, dependency) in dependencies(&manifest) {
            // Tests of the binary live beside it, where cargo tells its path, and use the laboratory.
            if (name, table) == ("lns", "dev-dependencies") && dependency == "system-tests" {
                continue;
            }
            let stranger = !ours.contains(dependency.as_str());
            if !stranger && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
            if PURE.contains(&folder)
                && ["tokio", "socket2", "getrandom"].contains(&dependency.as_str())
            {
                wrong.push(format!("{name} is pure and must not depend on {dependency}"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_package_of_the_workspace_has_its_edges_here() {
    let manifest = manifest("");
    let members = manifest["workspace"]["members"].as_array().expect("a list of members");
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(members, EDGES.iter().map(|(_, folder, _)| *folder).collect());
}

#[test]
fn pure_packages_name_no_socket_no_file_no_clock_and_clippy_watches() {
    let mut wrong = Vec::new();
    for folder in PURE {
        let bans = read(&root().join(folder).join("clippy.toml")).unwrap_or_default();
        if !(bans.contains("SystemTime::now") && bans.contains("Instant::now")) {
            wrong.push(format!("{folder}/clippy.toml does not ban the clocks"));
        }
        let sources = tracked(&[&format!("{folder}/src/**.rs")]);
        for (path, text) in sources {
            for word in ["std::net", "std::fs", "std::thread", "tokio", "SystemTime", "Instant"] {
                if code(&text).any(|(_, line)| has_word(line, word)) {
                    wrong.push(format!("{path} names {word}"));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_shell_meets_bridge_and_simulator_only_where_it_is_put_together() {
    let mut wrong = Vec::new();
    for (path, text) in tracked(&["lns/src/**.rs"]) {
        let composes = path.starts_with("lns/src/app/") || path.starts_with("lns/src/cli/demo");
        for name in ["gateway_bridge::", "sim::"] {
            if !composes && code(&text).any(|(_, line)| has_word(line, name)) {
                wrong.push(format!("{path} names {name}"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_simulator_takes_only_packet_types_from_the_bridge() {
    let mut wrong = Vec::new();
    for (path, text) in tracked(&["sim/src/**.rs"]) {
        for (number, line) in code(&text) {
            if has_word(line, "gateway_bridge") && !line.contains("gateway_bridge::semtech::packet")
            {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_source_file_is_longer_than_five_hundred_lines() {
    let mut wrong = Vec::new();
    for (path, text) in tracked(&["**.rs"]) {
        let lines = text.lines().count();
        let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
        if !is_test && lines > LONGEST_FILE {
            wrong.push(format!("{path} has {lines} lines"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here, so that this file does not have them.
    let left = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let skipped = format!("#[{}", "ignore");
    let mut wrong = Vec::new();
    for (path, text) in tracked(&["**.rs"]) {
        for (number, line) in code(&text) {
            if left.iter().any(|word| has_word(line, word)) || line.contains(&skipped) {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_file_names_a_folder_of_somebodys_machine_or_a_private_registry() {
    // Put together here, so that this file does not name them.
    let folders = ["root", "home", "work", "Users"].map(|folder| format!("/{folder}/"));
    let mut wrong = Vec::new();
    for (path, text) in tracked(&["*"]) {
        for (number, line) in (1..).zip(text.lines()) {
            let private = folders.iter().any(|folder| names_folder(line, folder));
            if private {
                wrong.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    for (path, text) in tracked(&["**Cargo.lock"]) {
        let sources = text.lines().filter(|line| line.starts_with("source = "));
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        wrong.extend(sources.filter(|line| *line != public).map(|line| format!("{path}: {line}")));
    }
    wrong.extend(tracked(&["**.cargo/config*"]).into_iter().map(|(path, _)| path));
    assert_none(&wrong);
}

#[test]
fn every_relative_link_of_a_document_leads_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in tracked(&["**.md"]) {
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        for target in links(&text) {
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let at =
                if file.is_empty() { root().join(&path) } else { root().join(folder).join(file) };
            if !at.exists() {
                wrong.push(format!("{path}: {target} leads nowhere"));
            } else if !heading.is_empty()
                && !headings(&read(&at).unwrap_or_default()).contains(heading)
            {
                wrong.push(format!("{path}: {target} names no heading"));
            }
        }
    }
    assert_none(&wrong);
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = read(&path).unwrap_or_else(|| panic!("{} cannot be read", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names of all that a package depends on, to be built or to be tested.
fn dependencies(manifest: &toml::Table) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let names = manifest.get(table).and_then(toml::Value::as_table);
        found.extend(names.into_iter().flat_map(toml::Table::keys).map(|n| (table, n.clone())));
    }
    found
}

/// Path and text of every tracked text file that matches one of git's patterns.
fn tracked(patterns: &[&str]) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--"])
        .args(patterns)
        .current_dir(root())
        .output()
        .expect("git is there: this is a clone");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let paths = String::from_utf8(listed.stdout).expect("our paths are UTF-8");
    // Binary fixtures, and files that are deleted and not committed yet, have no text.
    let with_text = |path: &str| Some((path.to_owned(), read(&root().join(path))?));
    paths.split('\0').filter(|path| !path.is_empty()).filter_map(with_text).collect()
}

/// Lines of code with their numbers: what is no comment.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line has this word, and not only as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let begins = !line[..at].ends_with(part_of_word);
        let ends = word.ends_with([':', '(']) || !line[at + word.len()..].starts_with(part_of_word);
        begins && ends
    })
}

/// Whether a line has an absolute path into this folder, rather than a relative one or an address.
fn names_folder(line: &str, folder: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | '$');
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(continues))
}

/// Targets of a document's links that are no addresses.
fn links(document: &str) -> Vec<String> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target.to_owned());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The names under which a document's headings can be linked to: lower case, without punctuation,
/// hyphens for spaces.
fn headings(document: &str) -> BTreeSet<String> {
    let name = |line: &str| -> String {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    document.lines().filter(|line| line.starts_with('#')).map(name).collect()
}
