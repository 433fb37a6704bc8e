//! Which gateways send: as few as reach every member.
//!
//! The smallest such set is hard to find; the one that takes, again and again, the gateway that
//! reaches the most members not yet reached is at most `ln n` times as large.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use lns_lorawan::{Db, DevEui, GatewayEui};

use crate::event::Path;

/// A gateway whose margin is this far below a member's best one does not count as reaching it.
const WORSE: Db = Db::from_whole(6);

/// Unless it is above this.
const COMFORTABLE: Db = Db::from_whole(10);

/// How many gateways send one message at the most. Each takes its own air for it.
pub const SENDERS: usize = 128;

/// By which gateways one member can be reached, best first; none, where nobody knows.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberPaths {
    /// The member.
    pub dev_eui: DevEui,
    /// Its gateways.
    pub paths: Vec<Path>,
}

/// Gateways, with the margin of the member that they reach least well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cover {
    /// In the order in which they were chosen.
    pub gateways: Vec<Path>,
    /// Members that no gateway reaches.
    pub unreached: usize,
}

/// Chooses gateways for those members that `already` does not reach.
pub fn cover(members: &[MemberPaths], already: &[GatewayEui]) -> Cover {
    let mut unreached = 0;
    let mut left: Vec<Vec<Path>> = Vec::new();
    for member in members {
        let good: Vec<Path> = good_paths(&member.paths).collect();
        if good.is_empty() {
            unreached += 1;
        } else if !good.iter().any(|path| already.contains(&path.gateway)) {
            left.push(good);
        }
    }
    let mut gateways = Vec::new();
    while !left.is_empty() && gateways.len() < SENDERS {
        let Some(best) = best_of(&left) else { break };
        left.retain(|paths| !paths.iter().any(|path| path.gateway == best.gateway));
        gateways.push(best);
    }
    Cover { gateways, unreached: unreached + left.len() }
}

/// For each gateway, those whose frames may meet its own at a member: one hears both, however badly.
pub fn neighbours(members: &[MemberPaths]) -> BTreeMap<GatewayEui, BTreeSet<GatewayEui>> {
    let mut near: BTreeMap<GatewayEui, BTreeSet<GatewayEui>> = BTreeMap::new();
    for member in members {
        for one in &member.paths {
            let others = member.paths.iter().map(|path| path.gateway);
            near.entry(one.gateway).or_default().extend(others.filter(|eui| *eui != one.gateway));
        }
    }
    near
}

/// The ways that a message may be sent: not much worse than the best, or good enough.
fn good_paths(paths: &[Path]) -> impl Iterator<Item = Path> + '_ {
    let best = paths.iter().map(|path| path.margin).max();
    paths.iter().copied().filter(move |path| {
        path.margin >= COMFORTABLE || best.is_some_and(|best| path.margin >= best - WORSE)
    })
}

/// The gateway that reaches the most; of equals the one whose weakest member is best off.
fn best_of(left: &[Vec<Path>]) -> Option<Path> {
    let mut reached: BTreeMap<GatewayEui, (usize, Db)> = BTreeMap::new();
    for path in left.iter().flatten() {
        let (count, margin) = reached.entry(path.gateway).or_insert((0, path.margin));
        *count += 1;
        *margin = (*margin).min(path.margin);
    }
    let best = reached.into_iter().max_by_key(|(gateway, worth)| (*worth, Reverse(*gateway)));
    best.map(|(gateway, (_, margin))| Path { gateway, margin })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Members as `gateway:margin` lists.
    fn members(lists: &[&str]) -> Vec<MemberPaths> {
        let path = |text: &str| {
            let (gateway, margin) = text.split_once(':').unwrap();
            Path {
                gateway: GatewayEui::new(gateway.parse().unwrap()),
                margin: Db::from_whole(margin.parse().unwrap()),
            }
        };
        let member = |(n, list): (usize, &&str)| MemberPaths {
            dev_eui: DevEui::new(n as u64),
            paths: list.split_whitespace().map(path).collect(),
        };
        lists.iter().enumerate().map(member).collect()
    }

    fn chosen(lists: &[&str], already: &[u64]) -> (Vec<u64>, usize) {
        let already: Vec<_> = already.iter().copied().map(GatewayEui::new).collect();
        let cover = cover(&members(lists), &already);
        (cover.gateways.iter().map(|path| path.gateway.value()).collect(), cover.unreached)
    }

    #[test]
    fn as_few_as_reach_every_member() {
        type Case<'a> = (&'a str, &'a [&'a str], &'a [u64], (&'a [u64], usize));
        let table: &[Case<'_>] = &[
            ("nobody", &[], &[], (&[], 0)),
            ("one for all", &["1:5 2:4", "2:6", "2:3 3:1"], &[], (&[2], 0)),
            ("two halves", &["1:9", "1:9", "2:9"], &[], (&[1, 2], 0)),
            ("the rest only", &["1:9", "2:9", "3:9"], &[2], (&[1, 3], 0)),
            ("one who is out of reach", &["1:9", ""], &[], (&[1], 1)),
            ("equals: the better margin", &["1:5 2:9"], &[], (&[2], 0)),
            ("equals in all: the lower EUI", &["7:5 3:5"], &[], (&[3], 0)),
            ("a way that is much worse does not count", &["1:9 2:-4", "2:5"], &[], (&[1, 2], 0)),
            ("it does when it is good enough", &["1:30 2:11", "2:5"], &[], (&[2], 0)),
        ];
        for (name, lists, already, (gateways, unreached)) in table {
            assert_eq!(chosen(lists, already), (gateways.to_vec(), *unreached), "{name}");
        }
    }

    #[test]
    fn frames_meet_where_a_member_hears_both() {
        let near = neighbours(&members(&["1:9 2:-9", "3:9"]));
        let near = |a, b| near[&GatewayEui::new(a)].contains(&GatewayEui::new(b));
        assert!(near(1, 2), "a weak way disturbs, too");
        assert!(!near(1, 3) && !near(2, 3) && !near(1, 1));
    }

    #[test]
    fn no_message_takes_more_than_so_many_gateways() {
        let lists: Vec<String> = (0..200).map(|n| format!("{n}:9")).collect();
        let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
        let (gateways, unreached) = chosen(&lists, &[]);
        assert_eq!((gateways.len(), unreached), (SENDERS, 200 - SENDERS));
    }
}
