//! Where a multicast group's payloads stand.

use std::fmt;

use lns_core::event::Fate;
use lns_core::multicast::{GroupId, GroupNews, GroupStage};
use lns_lorawan::{GatewayEui, Timestamp};
use serde::Serialize;

use super::text::{MessageId, Shown, window};
use super::write;
use crate::sink::topics::Topics;

/// Names a group's news for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventOfGroup {
    /// The group.
    pub group: GroupId,
    /// The number of the news.
    pub number: u64,
}

impl fmt::Display for EventOfGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.group, self.number)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct News<'a> {
    event_id: Shown<EventOfGroup>,
    multicast_group_id: Shown<GroupId>,
    message_id: Shown<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(rename = "FPort")]
    f_port: u8,
    status: &'static str,
    #[serde(rename = "FCntDown", skip_serializing_if = "Option::is_none")]
    f_cnt_down: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<GatewayEui>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    will_retry: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateways_accepted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateways_missing: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    devices_unreached: Option<usize>,
    timestamp: Shown<Timestamp>,
}

/// Writes news of a group into `to`, which is emptied first, and says where they belong.
pub fn group_news(to: &mut Vec<u8>, group: GroupId, news: &GroupNews) -> Topics {
    let blank = News {
        event_id: Shown(EventOfGroup { group, number: news.number }),
        multicast_group_id: Shown(group),
        message_id: Shown(MessageId(news.id)),
        correlation_id: news.correlation_id.as_deref(),
        f_port: news.f_port,
        status: "",
        f_cnt_down: None,
        gateway: None,
        window: None,
        cause: None,
        will_retry: None,
        gateways_accepted: None,
        gateways_missing: None,
        devices_unreached: None,
        timestamp: Shown(news.at),
    };
    let (topic, body) = match &news.stage {
        GroupStage::Queued => (Topics::GroupAck(group), News { status: "queued", ..blank }),
        GroupStage::Expired => (Topics::GroupAck(group), News { status: "expired", ..blank }),
        GroupStage::Dropped => (Topics::GroupAck(group), News { status: "dropped", ..blank }),
        GroupStage::Impossible(reason) => {
            let body = News { status: "impossible", cause: Some(reason), ..blank };
            (Topics::GroupAck(group), body)
        }
        GroupStage::Sent { f_cnt_down, accepted, missing, unreached } => {
            let body = News {
                status: "sent",
                f_cnt_down: Some(f_cnt_down.0),
                gateways_accepted: Some(*accepted),
                gateways_missing: Some(*missing),
                devices_unreached: Some(*unreached),
                ..blank
            };
            (Topics::GroupAck(group), body)
        }
        GroupStage::Handed { fate, f_cnt_down, gateway, window: used, again } => {
            let (status, cause, will_retry) = match fate {
                Fate::Accepted => ("accepted", None, Some(false)),
                Fate::Refused(cause) => ("refused", Some(&**cause), Some(*again)),
                Fate::Unknown => ("unknown", None, Some(false)),
                Fate::Expired => ("expired", None, Some(*again)),
            };
            let body = News {
                status,
                cause,
                will_retry,
                f_cnt_down: Some(f_cnt_down.0),
                gateway: Some(*gateway),
                window: used.map(window),
                ..blank
            };
            (Topics::GroupTxAck(group), body)
        }
    };
    write(to, &body);
    topic
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_lorawan::FCntDown;
    use serde_json::{Value, json};

    const GROUP: GroupId = GroupId([7; 16]);

    fn told(stage: GroupStage) -> (String, Value) {
        let news = GroupNews {
            number: 3,
            at: Timestamp::from_secs(1_790_000_000),
            id: 0xab,
            correlation_id: Some("open".into()),
            f_port: 9,
            stage,
        };
        let mut body = Vec::new();
        let topic = group_news(&mut body, GROUP, &news).topic();
        (topic, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_message_is_told_on_ack_and_its_copies_on_txack() {
        let f_cnt_down = FCntDown(5);
        let sent = GroupStage::Sent { f_cnt_down, accepted: 2, missing: 1, unreached: 0 };
        let (topic, body) = told(sent);
        assert_eq!(topic, "lorawan/multicast/07070707-0707-0707-0707-070707070707/ack");
        assert_eq!(
            body,
            json!({
                "EventId": "07070707-0707-0707-0707-070707070707-3",
                "MulticastGroupId": "07070707-0707-0707-0707-070707070707",
                "MessageId": "00000000000000ab",
                "CorrelationId": "open",
                "FPort": 9,
                "Status": "sent",
                "FCntDown": 5,
                "GatewaysAccepted": 2,
                "GatewaysMissing": 1,
                "DevicesUnreached": 0,
                "Timestamp": "2026-09-21T14:13:20.000Z",
            })
        );
        let refused = GroupStage::Handed {
            fate: Fate::Refused("TOO_LATE".into()),
            f_cnt_down,
            gateway: GatewayEui::new(1),
            window: None,
            again: true,
        };
        let (topic, body) = told(refused);
        assert!(topic.ends_with("/txack"), "{topic}");
        assert_eq!((&body["Status"], &body["Cause"]), (&json!("refused"), &json!("TOO_LATE")));
        assert_eq!(body["WillRetry"], json!(true));
    }
}
