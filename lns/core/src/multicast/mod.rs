//! Multicast: one frame for many devices. LoRaWAN 1.0.3 §8.6, TS001-1.0.4 and TS005, chapters on
//! multicast.
//!
//! A *group* has an address, two keys and one downlink counter, and looks to its members like a second
//! session of 1.0.x that cannot be answered: no MAC commands, no acknowledgement, nothing confirmed.
//! What the application wants said is a *message*: it takes a counter, is built once, and is sent by
//! as many gateways as its members need, each of them a *copy* of the same bytes. A receiver drops a
//! counter that is not above its last one, so that a copy which it hears twice does no harm, and one
//! that comes after a later message is lost: the next counter is used only when every copy of the one
//! before has left the air or been given up.
//!
//! [`step`] is the verb, as for devices.

mod about;
mod copies;
mod cover;
mod group;
mod queue;
mod record;
mod speaking;
mod waits;

pub use about::{GroupAbout, GroupClass, GroupId, Hours, Senders};
pub use copies::{Copy, CopyState, Message};
pub use cover::{Cover, MemberPaths, SENDERS, cover, neighbours};
pub use group::{
    Group, GroupCommand, GroupEffect, GroupEvent, GroupItem, GroupNews, GroupStage, GroupStep, step,
};
pub use waits::GroupWaits;
