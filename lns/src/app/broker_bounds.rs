//! What the embedded broker is bounded and limited by, from the configuration.

use crate::broker::EmbeddedConfig;
use crate::config::{Anonymous, ByteSize, MqttConfig, Period};

/// What the embedded broker keeps, takes and suffers at most.
pub fn set(embedded: &mut EmbeddedConfig, mqtt: &MqttConfig) {
    let (limits, bounds) = (&mqtt.limits, &mut embedded.bounds);
    embedded.anonymous = mqtt.anonymous == Anonymous::Loopback;
    embedded.session_expiry = mqtt.session_expiry.0;
    embedded.queue_per_client = mqtt.queue_length as usize;
    bounds.packet_bytes = u32::try_from(mqtt.max_packet.0).unwrap_or(u32::MAX);
    bounds.queued_bytes = mqtt.queue_size.0 as usize;
    bounds.all_queued_bytes = mqtt.queue_memory.0 as usize;
    bounds.retained_messages = mqtt.retained_length as usize;
    bounds.retained_bytes = mqtt.retained_size.0 as usize;
    if limits.unacknowledged > 0 {
        bounds.in_flight = bounds.in_flight.min(limits.unacknowledged);
        bounds.unacknowledged = bounds.unacknowledged.min(limits.unacknowledged);
    }
    if limits.topic_aliases > 0 {
        bounds.topic_aliases = bounds.topic_aliases.min(limits.topic_aliases);
    }
    let set = |number: u32| (number > 0).then_some(number);
    let size = |number: u32| set(number).map(|number| number as usize);
    let bytes = |size: ByteSize| (size.0 > 0).then_some(size.0 as usize);
    let seconds = |period: Period| u16::try_from(period.0.as_secs()).unwrap_or(u16::MAX);
    let keep_alive = match (seconds(limits.keep_alive_min), seconds(limits.keep_alive_max)) {
        (0, 0) => None,
        (least, 0) => Some((least, u16::MAX)),
        both => Some(both),
    };
    embedded.bytes_per_second = set(u32::try_from(limits.bytes_per_second.0).unwrap_or(u32::MAX));
    let retain_interval =
        Some(limits.retain_interval.0.as_millis() as u64).filter(|millis| *millis > 0);
    embedded.limits = lns_broker::Limits {
        payload_bytes: bytes(limits.payload),
        topic_bytes: size(limits.topic_bytes),
        topic_slashes: size(limits.topic_slashes),
        filters_per_subscribe: size(limits.filters_per_subscribe),
        subscriptions: size(limits.subscriptions),
        shared_subscriptions: size(limits.shared_subscriptions),
        shared_subscription_members: size(limits.shared_subscription_members),
        client_id_bytes: size(limits.client_id_bytes),
        keep_alive,
        user_property_bytes: bytes(limits.user_properties),
        publishes_per_second: set(limits.publishes_per_second),
        all_publishes_per_second: set(limits.all_publishes_per_second),
        connects_per_second: set(limits.connects_per_second),
        client_connects_per_second: set(limits.client_connects_per_second),
        message_expiry: set(u32::try_from(limits.message_expiry.0.as_secs()).unwrap_or(u32::MAX)),
        retain_interval,
    };
}

#[cfg(test)]
mod tests {
    use lns_broker::{Bounds, Limits};

    use super::*;
    use crate::config::Config;

    fn of(mqtt: &MqttConfig) -> EmbeddedConfig {
        let mut embedded = EmbeddedConfig::new(([127, 0, 0, 1], 0).into());
        set(&mut embedded, mqtt);
        embedded
    }

    #[test]
    fn by_default_nothing_is_limited_and_the_bounds_are_the_brokers_own() {
        let embedded = of(&Config::default().mqtt);
        assert_eq!(embedded.limits, Limits::default());
        assert_eq!(embedded.bounds, Bounds::default());
        assert_eq!(embedded.bytes_per_second, None);
        assert!(embedded.anonymous);
        let plain = EmbeddedConfig::new(([127, 0, 0, 1], 0).into());
        assert_eq!(embedded.session_expiry, plain.session_expiry);
        assert_eq!(embedded.queue_per_client, plain.queue_per_client);
    }

    /// The figures that the example names are AWS's, and come to the broker as such.
    #[test]
    fn the_figures_of_the_example_are_those_of_aws() {
        let example = include_str!("../../../deploy/lns.example.toml");
        let section =
            example.split("[mqtt.limits]").nth(1).and_then(|rest| rest.split("\n[").next());
        let mut text = String::from("[mqtt.limits]\n");
        let mut figure = None;
        for line in section.expect("a section").lines() {
            if let Some((_, after)) = line.split_once("AWS: ") {
                figure = Some(after.trim_end_matches('.').to_owned());
            }
            if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                let figure = figure.take().unwrap_or_else(|| panic!("{key} has no figure"));
                text += &format!("{key} = {figure}\n");
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lns.toml");
        std::fs::write(&file, text).expect("a file");
        let config = Config::load(Some(&file), [], crate::config::Overrides::default());
        let embedded = of(&config.expect("it is a configuration").mqtt);
        assert_eq!(embedded.limits, Limits::aws());
        assert_eq!(embedded.bytes_per_second, Some(512 << 10));
        let bounds = embedded.bounds;
        assert_eq!((bounds.unacknowledged, bounds.in_flight, bounds.topic_aliases), (100, 100, 8));
    }

    #[test]
    fn one_end_of_the_keep_alive_may_be_open() {
        for (least, most, expected) in
            [(0, 60, Some((0, 60))), (30, 0, Some((30, u16::MAX))), (0, 0, None)]
        {
            let mut mqtt = Config::default().mqtt;
            mqtt.limits.keep_alive_min = Period::secs(least);
            mqtt.limits.keep_alive_max = Period::secs(most);
            assert_eq!(of(&mqtt).limits.keep_alive, expected);
        }
    }
}
