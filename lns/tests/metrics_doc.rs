//! `docs/METRICS.md`, `docs/REJECTS.md` and the files in `deploy/` say what the server shows.

use std::collections::{BTreeMap, BTreeSet};

use gateway_bridge::counters::Counters;
use lns::broker::Status;
use lns::gateways::Gateways;
use lns::message::Seen;
use lns::observe::Observer;
use lns_core::Note;
use lns_lorawan::{GatewayEui, Timestamp};

const METRICS: &str = include_str!("../../docs/METRICS.md");
const REJECTS: &str = include_str!("../../docs/REJECTS.md");
const SOURCES: [&str; 2] =
    [include_str!("../src/observe.rs"), include_str!("../src/observe/groups.rs")];
const RULES: &str = include_str!("../../deploy/lns.rules.yml");
const DASHBOARD: &str = include_str!("../../deploy/lns-dashboard.json");

/// Type and labels of a metric.
type Kind = (String, BTreeSet<String>);

#[test]
fn every_metric_is_a_row_with_its_type_and_labels_and_every_row_is_a_metric() {
    assert_eq!(documented(), scraped());
}

#[test]
fn no_metric_of_the_source_hides_from_the_scrape() {
    let named: BTreeSet<String> = SOURCES.into_iter().flat_map(metric_names).collect();
    let shown: BTreeSet<String> = scraped().into_keys().collect();
    assert_eq!(named, shown);
}

#[test]
fn every_counter_of_the_bridge_is_documented_and_nothing_else_is() {
    let counted: BTreeSet<String> = Counters::default()
        .all()
        .iter()
        .map(|(name, label, _)| format!("{name}/{label}"))
        .collect();
    let documented: BTreeSet<String> = rows(section(METRICS, "## The bridge's counters"))
        .iter()
        .flat_map(|row| quoted(&row[0]))
        .collect();
    assert_eq!(documented, counted);
}

#[test]
fn every_refusal_of_the_bridge_is_explained_and_nothing_else_is() {
    for (name, heading) in [("packet_errors", "## Datagrams"), ("rxpk_errors", "## Receptions")] {
        let counters = Counters::default().all();
        let labels = counters.iter().filter(|row| row.0 == name).map(|row| row.1.to_owned());
        let explained = rows(section(REJECTS, heading)).into_iter().flat_map(|row| quoted(&row[0]));
        assert_eq!(explained.collect::<BTreeSet<_>>(), labels.collect(), "{heading}");
    }
}

#[test]
fn rules_and_dashboard_use_metrics_that_exist() {
    let known = documented();
    for (file, text) in [("lns.rules.yml", RULES), ("lns-dashboard.json", DASHBOARD)] {
        let used = metric_names(text);
        assert!(!used.is_empty(), "{file} uses no metric");
        for name in used {
            let histogram =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let of_histogram = histogram
                .and_then(|base| known.get(base))
                .is_some_and(|(kind, _)| kind == "histogram");
            assert!(
                of_histogram || known.contains_key(&name),
                "{file} uses {name}, which is no metric"
            );
        }
    }
    let dashboard = serde_json::from_str::<serde_json::Value>(DASHBOARD);
    assert!(dashboard.is_ok(), "lns-dashboard.json: {dashboard:?}");
}

/// What a scrape shows once everything with labels has happened.
fn scraped() -> BTreeMap<String, Kind> {
    let observer = Observer::new();
    observer.published.with_label_values(&["mqtt"]);
    observer.codec_errors.with_label_values(&["script"]);
    observer.mailbox.with_label_values(&["0"]);
    observer.certificate_ends("mqtt", Timestamp::from_micros(0));
    observer.rules.rule("a");
    observer.rules.action("a", "0");
    observer.bridge_counters([("datagrams/push_data".to_owned(), 1)]);
    observer.no_offers([("offline", 1)]);
    observer.broker_status(&Status::default());
    let note = Note::UnknownMacCommand { cid: 0x80 };
    let at = Timestamp::from_micros(0);
    observer.see(&Seen { at, dev_eui: None, dev_addr: None, note });
    let refused = lns_core::event::Fate::Refused("TOO_LATE".into());
    let note =
        Note::Sent { f_cnt_down: None, fate: refused, gateway: None, window: None, margin: None };
    observer.see(&Seen { at, dev_eui: None, dev_addr: None, note });
    let gateways = Gateways::default();
    gateways.seen(GatewayEui::new(1));
    let text = observer.scrape(&gateways);
    let mut metrics: BTreeMap<String, Kind> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            metrics.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((name, labels)) = line.split_once('{')
            && let Some((_, found)) = metrics.get_mut(name)
            && let Some((labels, _)) = labels.rsplit_once('}')
        {
            found.extend(
                labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned())),
            );
        }
    }
    metrics
}

/// The rows of `docs/METRICS.md` whose first cell is a metric.
fn documented() -> BTreeMap<String, Kind> {
    let metrics = rows(METRICS).into_iter().filter_map(|row| {
        let name = quoted(&row[0]).into_iter().next().filter(|name| name.starts_with("lns_"))?;
        Some((name, (row[1].clone(), quoted(&row[2]).into_iter().collect())))
    });
    metrics.collect()
}

/// The part of a document from a heading to the next one of its level.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("\n{heading}\n")).expect("the heading is there");
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

/// The cells of all table rows but heads and rules: rows whose first cell is quoted code.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Option<Vec<String>> {
        let line = line.strip_prefix("| `")?.strip_suffix('|')?;
        Some(format!("`{line}").split('|').map(|cell| cell.trim().to_owned()).collect())
    };
    text.lines().filter_map(cells).collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every name of ours in a text: a word that begins with `lns_`.
fn metric_names(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let names = text.split(word).filter(|word| word.starts_with("lns_"));
    names.filter(|word| *word != "lns_core" && *word != "lns_lorawan").map(str::to_owned).collect()
}
