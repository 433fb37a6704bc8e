//! Topic filters: which topics a subscription covers. MQTT 5.0 §4.7.

/// Whether `filter` covers `topic`.
///
/// `+` stands for one level, `#` for all that follow and for the level before it. Neither covers
/// a `$` at the start of a topic (MQTT 5.0 §4.7.2).
pub fn covers(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filters, mut levels) = (filter.split('/'), topic.split('/'));
    loop {
        match (filters.next(), levels.next()) {
            (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            (None, None) => return true,
            (None | Some(_), None | Some(_)) => return false,
        }
    }
}

/// Whether some topic is covered by `filter` and by `other`.
pub fn overlaps(filter: &str, other: &str) -> bool {
    let (mut mine, mut yours) = (filter.split('/'), other.split('/'));
    loop {
        match (mine.next(), yours.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(a), Some(b)) if a == b => {}
            (None | Some(_), None | Some(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_covers_what_the_standard_says() {
        for (filter, topic, expected) in [
            ("lorawan/+/down", "lorawan/0102030405060708/down", true),
            ("lorawan/+/down", "lorawan/0102030405060708/down/x", false),
            ("lorawan/+/down", "lorawan/down", false),
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "a/b", true),
            ("#", "$SYS/monitor", false),
            ("+/monitor", "$SYS/monitor", false),
            ("$SYS/#", "$SYS/monitor", true),
            ("a", "a", true),
            ("a", "A", false),
        ] {
            assert_eq!(covers(filter, topic), expected, "{filter} and {topic}");
        }
    }

    #[test]
    fn filters_overlap_when_one_topic_is_under_both() {
        for (a, b, expected) in [
            ("lns/#", "#", true),
            ("lns/#", "+/v1/gateway/+/up", true),
            ("lns/#", "lorawan/#", false),
            ("lns/#", "lns", true),
            ("a/+/c", "a/b/+", true),
            ("a/+/c", "a/b/d", false),
            ("a/+", "a/b/c", false),
        ] {
            assert_eq!(overlaps(a, b), expected, "{a} and {b}");
            assert_eq!(overlaps(b, a), expected, "{b} and {a}");
        }
    }
}
