//! What waits to be said to a group, in order.

use std::sync::Arc;

use super::about::GroupAbout;
use super::group::{Draft, Group, GroupCommand, GroupItem, GroupStage};
use crate::event::Fate;
use lns_lorawan::Timestamp;

/// The highest FPort of an application (LoRaWAN 1.1 §4.3.2).
const HIGHEST_F_PORT: u8 = 223;

/// Somebody's wish.
pub(super) fn command(draft: &mut Draft<'_>, command: GroupCommand) {
    match command {
        GroupCommand::Enqueue(item) => enqueue(draft, item),
        GroupCommand::Drop(id) => drop_items(draft, |item| item.id == id),
        GroupCommand::Clear => drop_items(draft, |_| true),
        GroupCommand::Describe(about) => describe(draft, about),
    }
}

/// Items that have waited too long, or whose session is over, are taken off.
pub(super) fn expire(draft: &mut Draft<'_>) {
    let (about, now) = (Arc::clone(&draft.group.about), draft.env.now);
    let queue = std::mem::take(&mut draft.group.queue);
    let (gone, left) = queue.into_iter().partition(|item| has_expired(&about, item, now));
    draft.group.queue = left;
    for item in gone as Vec<GroupItem> {
        draft.publish(&item, GroupStage::Expired);
    }
}

/// Whether an item is no longer wanted.
pub(super) fn has_expired(about: &GroupAbout, item: &GroupItem, now: Timestamp) -> bool {
    item.expires_at.is_some_and(|at| at <= now) || about.hours.are_over(now)
}

/// When an item will have waited too long.
pub(super) fn expiry(about: &GroupAbout, item: &GroupItem) -> Option<Timestamp> {
    let session = match about.hours {
        super::Hours::Between { ends, .. } => Some(ends),
        super::Hours::Never | super::Hours::Always => None,
    };
    [item.expires_at, session].into_iter().flatten().min()
}

/// Why an item can never be sent, for people.
fn impossible(group: &Group, item: &GroupItem, draft: &Draft<'_>) -> Option<String> {
    let limit = draft.env.network.queue_limit;
    if group.queue.len() >= limit {
        return Some(format!("queue is full: it holds {limit} payloads; drop some or wait"));
    }
    if item.f_port == 0 || item.f_port > HIGHEST_F_PORT {
        let f_port = item.f_port;
        return Some(format!("cannot send to a group on FPort {f_port}; choose 1 to 223"));
    }
    let Some(largest) = group.about.largest_payload() else {
        return Some("the group's data rate or frequency is none of its region's".to_owned());
    };
    let size = item.payload.len();
    (size > largest).then(|| {
        format!("payload of {size} bytes is too large; the group's data rate allows {largest}")
    })
}

fn enqueue(draft: &mut Draft<'_>, item: GroupItem) {
    let under_way = draft.group.message.iter().map(|message| &message.item);
    if draft.group.queue.iter().chain(under_way).any(|there| there.id == item.id) {
        // The same request again: it is answered again, and queued once.
        draft.publish(&item, GroupStage::Queued);
        return;
    }
    if let Some(reason) = impossible(&draft.group, &item, draft) {
        draft.publish(&item, GroupStage::Impossible(reason.into()));
        return;
    }
    draft.publish(&item, GroupStage::Queued);
    draft.group.queue.push(item);
}

/// What is on its way goes too, but for copies that a gateway may have: their end is told.
fn drop_items(draft: &mut Draft<'_>, which: impl Fn(&GroupItem) -> bool) {
    let queue = std::mem::take(&mut draft.group.queue);
    let (gone, left) = queue.into_iter().partition(|item| which(item));
    draft.group.queue = left;
    for item in gone as Vec<GroupItem> {
        draft.publish(&item, GroupStage::Dropped);
    }
    if let Some(message) = &mut draft.group.message
        && which(&message.item)
    {
        message.is_dropped = true;
        super::speaking::give_up_waiting(draft, Fate::Expired);
    }
}

/// The description has changed. Counters never go back, whatever else does: a counter that comes
/// again under the same keys is a keystream used twice.
fn describe(draft: &mut Draft<'_>, about: Arc<GroupAbout>) {
    draft.durable = true;
    let group = &mut draft.group;
    let before = std::mem::replace(&mut group.about, about);
    let at_least = group.about.f_cnt_at_least;
    group.f_cnt_down = group.f_cnt_down.map(|next| next.max(at_least));
    group.learning = None;
    group.missed = None;
    if before.is_same_session(&group.about) && before.region == group.about.region {
        return;
    }
    // Copies of it that still fly end unheard of: members of the new session cannot read them.
    if let Some(message) = group.message.take() {
        group.quiet_until = group.quiet_until.max(message.on_air_until(draft.env.now));
        if !message.is_dropped {
            group.queue.insert(0, message.item);
        }
    }
}
