//! Flags from a file: `devices = 5` is `--devices 5`, `events = true` is `--events`, a list is the
//! same flag several times. Each `[[fleet]]` is devices of another kind, which take from above what
//! they do not say themselves.

use std::path::Path;

use clap::Parser as _;
use sim::Scenario;
use toml::{Table, Value};

use super::{Args, Work};

/// What a fleet must not say, since all share it.
const SHARED: &[&str] = &[
    "gateways",
    "gateway-eui-base",
    "gateway-sub-band",
    "concentrator",
    "server",
    "seed",
    "loss",
    "region",
];

/// What the command line comes to, with the file that it names, if it names one.
pub fn work_of(line: impl IntoIterator<Item = String>) -> Result<Work, clap::Error> {
    let line: Vec<String> = line.into_iter().collect();
    let args = Args::try_parse_from(&line)?;
    let Some(path) = args.scenario.clone() else {
        return args.work().map_err(refusal);
    };
    let file = read(&path).map_err(refusal)?;
    let (program, rest) = line.split_at(line.len().min(1));
    let parse =
        |own: &[String]| Args::try_parse_from([program, file.flags.as_slice(), own, rest].concat());
    let mut work = parse(&[])?.work().map_err(refusal)?;
    for fleet in &file.fleets {
        let scenario = parse(fleet)?.scenario().map_err(refusal)?;
        add(&mut work.scenario, scenario);
    }
    Ok(work)
}

fn refusal(problem: String) -> clap::Error {
    clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{problem}\n"))
}

/// The devices of another fleet follow those that are there, by number and DevEUI.
fn add(scenario: &mut Scenario, mut fleet: Scenario) {
    let before = scenario.devices + scenario.fleets.iter().map(|it| it.devices).sum::<usize>();
    if fleet.dev_eui_base == scenario.dev_eui_base {
        let base = fleet.dev_eui_base.value().wrapping_add(before as u64);
        fleet.dev_eui_base = lns_lorawan::DevEui::new(base);
    }
    fleet.numbers_from = before + 1;
    scenario.beacons |= fleet.beacons;
    scenario.fleets.push(fleet);
}

#[derive(Debug, PartialEq)]
struct File {
    flags: Vec<String>,
    fleets: Vec<Vec<String>>,
}

fn read(path: &Path) -> Result<File, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--scenario {}: {error}", path.display()))?;
    parse(&text).map_err(|problem| format!("--scenario {}: {problem}", path.display()))
}

fn parse(text: &str) -> Result<File, String> {
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let fleets = match table.remove("fleet") {
        None => Vec::new(),
        Some(Value::Array(fleets)) => fleets,
        Some(_) => return Err("write [[fleet]], with two brackets".into()),
    };
    let fleet = |value: Value| match value {
        Value::Table(table) => match SHARED.iter().find(|name| table.contains_key(**name)) {
            Some(name) => Err(format!("{name} is the same for all fleets: give it once, above")),
            None => flags(&table),
        },
        _ => Err("write [[fleet]], with two brackets".to_owned()),
    };
    let fleets = fleets.into_iter().map(fleet).collect::<Result<_, _>>()?;
    Ok(File { flags: flags(&table)?, fleets })
}

fn flags(table: &Table) -> Result<Vec<String>, String> {
    let mut flags = Vec::new();
    for (name, value) in table {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Value::Boolean(true) => flags.push(format!("--{name}")),
                Value::Boolean(false) => {}
                Value::String(text) => flags.push(format!("--{name}={text}")),
                Value::Integer(number) => flags.push(format!("--{name}={number}")),
                Value::Float(number) => flags.push(format!("--{name}={number}")),
                Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
                    return Err(format!("{name} is neither text nor a number"));
                }
            }
        }
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_lorawan::{MacVersion, Region};
    use sim::device::Class;

    const TEXT: &str = r#"
        region = "US915"
        gateways = 2
        devices = 5
        interval = "1m"
        mischief = ["lose-every=3", "refuse=power"]

        [[fleet]]
        devices = 2
        class = "C"
        mac-version = "1.1"
        no-adr = true

        [[fleet]]
        class = "B:5"
    "#;

    #[test]
    fn a_file_is_flags_and_fleets() {
        let path = std::env::temp_dir().join(format!("sim-scenario-{}.toml", std::process::id()));
        std::fs::write(&path, TEXT).unwrap();
        let flag = format!("--scenario={}", path.display());
        let line = ["sim", "--list", "--devices=7", flag.as_str()];
        let work = work_of(line.map(String::from)).unwrap();
        std::fs::remove_file(&path).unwrap();
        let scenario = work.scenario;
        // The command line goes before the file.
        assert_eq!((scenario.region, scenario.gateways, scenario.devices), (Region::Us915, 2, 7));
        assert_eq!((scenario.mischief.lose_every, scenario.mischief.refuse.power), (Some(3), true));
        assert!(scenario.beacons);
        let [first, second] = scenario.fleets.as_slice() else { panic!() };
        assert_eq!((first.class, first.mac_version), (Class::C, MacVersion::V1_1_0));
        assert_eq!((second.class, second.adr), (Class::B { periodicity: 5 }, true));
        assert!(!first.adr && first.interval == scenario.interval);
        assert_eq!(second.dev_eui_base.value() - scenario.dev_eui_base.value(), 14);
        let names: std::collections::BTreeSet<_> = scenario
            .device_specs(lns_lorawan::Timestamp::default())
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(names.len(), 7 + 7 + 7);
    }

    #[test]
    fn what_makes_no_sense_in_a_file_is_said_so() {
        let table = [
            ("devices = ", "devices"),
            ("fleet = 3", "two brackets"),
            ("[[fleet]]\ngateways = 2", "gateways is the same for all fleets"),
            ("devices = 1979-05-27", "neither text nor a number"),
        ];
        for (text, expected) in table {
            let said = parse(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
        let line = ["sim", "--list", "--scenario=/nowhere/at-all.toml"].map(String::from);
        assert!(work_of(line).unwrap_err().to_string().contains("/nowhere/at-all.toml"));
    }
}
