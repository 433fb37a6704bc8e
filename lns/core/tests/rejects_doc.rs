//! Every refusal has a row in `docs/REJECTS.md`, and every row is a refusal.

use std::collections::BTreeSet;

use lns_core::Reject;
use lns_core::radio::lane::NoOffer;
use lns_lorawan::WireError;

const REJECTS: &str = include_str!("../../../docs/REJECTS.md");

/// One of every variant, in order. `next` has no `_` arm: a new variant does not compile until it
/// stands here.
fn next(after: Option<Reject>) -> Option<Reject> {
    let Some(after) = after else { return Some(Reject::Malformed(WireError::Empty)) };
    Some(match after {
        Reject::Malformed(_) => Reject::DownlinkHeard,
        Reject::DownlinkHeard => Reject::Proprietary,
        Reject::Proprietary => Reject::UnknownDevAddr,
        Reject::UnknownDevAddr => Reject::UnknownDevEui,
        Reject::UnknownDevEui => Reject::MicMismatch,
        Reject::MicMismatch => Reject::AddressFlooded,
        Reject::AddressFlooded => Reject::FCntReplayed { got: 1, last: 2 },
        Reject::FCntReplayed { .. } => Reject::FCntReset { got: 1, last: 2 },
        Reject::FCntReset { .. } => Reject::FCntGap { got: 2, last: 1 },
        Reject::FCntGap { .. } => Reject::FCntExhausted,
        Reject::FCntExhausted => Reject::AckBeforeDownlink,
        Reject::AckBeforeDownlink => Reject::RekeyIndMissing,
        Reject::RekeyIndMissing => Reject::JoinMicMismatch,
        Reject::JoinMicMismatch => Reject::JoinEuiMismatch,
        Reject::JoinEuiMismatch => Reject::DevNonceReused { got: 1 },
        Reject::DevNonceReused { .. } => Reject::DevNonceNotAbove { got: 1, last: 2 },
        Reject::DevNonceNotAbove { .. } => Reject::JoinNonceExhausted,
        Reject::JoinNonceExhausted => Reject::NotJoining,
        Reject::NotJoining => Reject::NoAirForJoin,
        Reject::NoAirForJoin => Reject::RejoinNotServed,
        Reject::RejoinNotServed => Reject::RejoinMicMismatch,
        Reject::RejoinMicMismatch => Reject::RejoinCountNotAbove { got: 1, last: 2 },
        Reject::RejoinCountNotAbove { .. } => Reject::NotADataRate,
        Reject::NotADataRate => Reject::OtherRegion,
        Reject::OtherRegion => Reject::UnknownGateway,
        Reject::UnknownGateway => Reject::Late,
        Reject::Late => Reject::Overload,
        Reject::Overload => Reject::Bug,
        Reject::Bug => return None,
    })
}

#[test]
fn the_labels_are_those_of_all_variants_each_once() {
    let variants = std::iter::successors(next(None), |reject| next(Some(*reject)));
    let labels: Vec<&str> = variants.map(|reject| reject.label()).collect();
    assert_eq!(labels, Reject::LABELS);
    let different: BTreeSet<&str> = labels.iter().copied().collect();
    assert_eq!(different.len(), labels.len(), "two variants share a label");
}

#[test]
fn every_reject_is_a_row_and_every_row_is_a_reject() {
    assert_eq!(labels_under("## Frames"), Reject::LABELS);
}

#[test]
fn every_reason_for_no_offer_is_a_row_and_every_row_is_one() {
    assert_eq!(labels_under("## Offers"), NoOffer::ALL.map(NoOffer::label));
}

/// The quoted first cells of the table under a heading, in order.
fn labels_under(heading: &str) -> Vec<&'static str> {
    let (_, rest) = REJECTS.split_once(&format!("\n{heading}\n")).expect("the heading is there");
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    let label =
        |line: &'static str| line.strip_prefix("| `")?.split_once("` |").map(|(label, _)| label);
    section.lines().filter_map(label).collect()
}
