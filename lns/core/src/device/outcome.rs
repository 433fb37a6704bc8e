//! What became of a frame that was handed over.

use super::draft::Draft;
use super::{InFlight, ItemState, queue, unprompted};
use crate::effect::Stage;
use crate::event::{Fate, Outcome};
use crate::note::Note;

/// A lane reports. A report on a frame that is settled already changes nothing.
pub(super) fn settle(draft: &mut Draft<'_>, outcome: &Outcome) {
    let this = draft.device.in_flight.take_if(|in_flight| in_flight.plan == outcome.plan);
    if let Some(in_flight) = this {
        end(draft, &in_flight, outcome);
    }
}

/// The device was heard again before the lane reported: the frame's windows are over, so that its
/// fate stays unknown.
pub(super) fn give_up_waiting(draft: &mut Draft<'_>) {
    if let Some(in_flight) = draft.device.in_flight.take() {
        let plan = in_flight.plan;
        let unknown = Outcome {
            plan,
            fate: Fate::Unknown,
            gateway: None,
            window: None,
            margin: None,
            starts: None,
            modulation: None,
            lead_us: None,
        };
        end(draft, &in_flight, &unknown);
    }
}

fn end(draft: &mut Draft<'_>, in_flight: &InFlight, outcome: &Outcome) {
    draft.note(Note::Sent {
        f_cnt_down: in_flight.f_cnt_down,
        fate: outcome.fate.clone(),
        gateway: outcome.gateway,
        window: outcome.window,
        margin: outcome.margin,
    });
    let sent = match outcome.fate {
        Fate::Accepted | Fate::Unknown => true,
        Fate::Refused(_) | Fate::Expired => false,
    };
    if !sent {
        draft.device.mac.not_sent(in_flight.requests);
    }
    if let Some(id) = in_flight.item {
        end_item(draft, (id, sent), in_flight, outcome);
    }
    unprompted::ended(draft, in_flight, sent);
}

/// One queue item moves on. What may have been sent is never sent again unconfirmed: the device
/// would act twice.
fn end_item(
    draft: &mut Draft<'_>,
    (id, sent): (u64, bool),
    in_flight: &InFlight,
    outcome: &Outcome,
) {
    let Some(f_cnt_down) = in_flight.f_cnt_down else { return };
    let Some(mut queued) = draft.device.queue.iter().find(|queued| queued.item.id == id).cloned()
    else {
        // Dropped while it was under way.
        return;
    };
    let again = !sent && queued.refusals + 1 < queue::REFUSALS;
    let stays = again || (sent && queued.item.confirmed);
    draft.publish(queue::about(
        &queued.item,
        Stage::Handed {
            fate: outcome.fate.clone(),
            f_cnt_down,
            gateway: outcome.gateway,
            window: outcome.window,
            again,
            margin: outcome.margin,
        },
    ));
    if !stays {
        queue::take(draft, id);
        return;
    }
    if sent {
        queued.attempts = queued.attempts.saturating_add(1);
        queued.state = ItemState::AwaitingAck { f_cnt_down };
    } else {
        queued.refusals += 1;
        queued.state = ItemState::Waiting;
    }
    queue::change(draft, id, |place| *place = queued);
}
