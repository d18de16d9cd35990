//! What is asked of a CONNECT before its client is known: the version, the identifier, the will, and whether there is room.

use crate::broker::access::rights::Policy;
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::identity::SessionName;
use crate::codec::packet::{Connect, Version, Will};
use crate::codec::reason::Reason;
use crate::topic::{TopicName, refusable_character};

/// Bytes of a will that is stored even while the disk is full.
const SMALL_WILL: usize = 1024;

impl Endpoint {
    pub(crate) fn check_connect(&self, connect: &Connect<'_>) -> Result<(), Close> {
        let rights = self.broker.rights.load();
        let policy = rights.policy(self.peer.listener);
        let [v3_1, v3_1_1, v5] = policy.versions;
        let spoken = match connect.version {
            Version::V3_1 => v3_1,
            Version::V3_1_1 => v3_1_1,
            Version::V5 => v5,
        };
        if !spoken {
            return Err(Close::new(
                Reason::UNSUPPORTED_PROTOCOL_VERSION,
                "this version of MQTT is not accepted here",
            ));
        }
        if connect.properties.authentication_method().is_some() {
            return Err(Close::new(
                Reason::BAD_AUTHENTICATION_METHOD,
                "no authentication method is supported",
            )); // [MQTT-4.12.0-1]
        }
        check_identifier(connect, policy)?;
        self.check_characters(connect)?;
        self.check_will(connect, policy)?;
        self.check_store(connect, policy)?;
        if self.peer.kind.is_bridge() {
            return Ok(());
        }
        let most = self.limits.keep_alive;
        let is_longer = connect.keep_alive == 0 || connect.keep_alive > most;
        if connect.version != Version::V5 && most > 0 && is_longer {
            // There is no way to tell a client of these versions that it must be heard of more often.
            let detail = "its keep alive is longer than is allowed here";
            return Err(Close::new(Reason::CLIENT_IDENTIFIER_NOT_VALID, detail));
        }
        self.check_room(connect, policy)
    }

    fn check_will(&self, connect: &Connect<'_>, policy: &Policy) -> Result<(), Close> {
        let Some(will) = &connect.will else { return Ok(()) };
        if TopicName::new(will.topic).is_err() {
            return Err(Close::new(Reason::TOPIC_NAME_INVALID, "the will's topic is not a topic name"));
        }
        self.limits
            .check_topic(will.topic)
            .map_err(|detail| Close::new(Reason::TOPIC_NAME_INVALID, detail))?;
        if let Some(topic) = will.properties.response_topic() {
            self.limits
                .check_topic(topic)
                .map_err(|detail| Close::new(Reason::TOPIC_NAME_INVALID, detail))?;
        }
        if will.qos > policy.max_qos {
            return Err(Close::new(
                Reason::QOS_NOT_SUPPORTED,
                "the will's QoS is higher than is allowed here",
            )); // [MQTT-3.2.2-12]
        }
        if will.retain && !self.limits.retain {
            let detail = "the will is to be retained, which is not allowed here";
            return Err(Close::new(Reason::RETAIN_NOT_SUPPORTED, detail)); // [MQTT-3.2.2-13]
        }
        if will.payload.len() > self.limits.payload {
            // Versions before 5 have no code for it.
            let is_new = connect.version == Version::V5;
            let reason = if is_new { Reason::PACKET_TOO_LARGE } else { Reason::NOT_AUTHORIZED };
            return Err(Close::new(reason, "the will is larger than a message may be here"));
        }
        if will.properties.payload_format() == Some(1) && std::str::from_utf8(will.payload).is_err() {
            return Err(Close::new(
                Reason::PAYLOAD_FORMAT_INVALID,
                "the will's payload is not UTF-8 as it says",
            ));
        }
        Ok(())
    }

    /// Refuses what could not be written to a log or a terminal as it is.
    fn check_characters(&self, connect: &Connect<'_>) -> Result<(), Close> {
        let refused = |text: &str| !self.limits.control_characters && refusable_character(text).is_some();
        if refused(connect.client_id) {
            let detail = "the client ID contains a control character or a non-character";
            return Err(Close::new(Reason::CLIENT_IDENTIFIER_NOT_VALID, detail));
        }
        if connect.username.is_some_and(refused) {
            let detail = "the username contains a control character or a non-character";
            return Err(Close::new(Reason::BAD_USER_NAME_OR_PASSWORD, detail));
        }
        Ok(())
    }

    /// Whether one more may come in. Who has a session already may.
    fn check_room(&self, connect: &Connect<'_>, policy: &Policy) -> Result<(), Close> {
        let (limits, directory) = (&self.limits, &self.broker.directory);
        let owner = policy.session_owner(connect, &self.peer);
        // Counting all sessions takes all their locks, so nobody does it who need not.
        let counted = limits.sessions < usize::MAX;
        let detail = if limits.memory_is_full {
            "the broker uses as much memory as it may"
        } else if directory.has(SessionName { client: connect.client_id, owner: &owner }) {
            return Ok(());
        } else if counted && directory.len() >= limits.sessions {
            "the limit of sessions is reached"
        } else if self.broker.connections() >= limits.connections {
            "the limit of connections is reached"
        } else {
            return Ok(());
        };
        let is_new = connect.version == Version::V5;
        let reason = if is_new { Reason::QUOTA_EXCEEDED } else { Reason::SERVER_UNAVAILABLE };
        Err(Close::new(reason, detail))
    }

    /// Whether the store can take the session that this CONNECT asks for.
    fn check_store(&self, connect: &Connect<'_>, policy: &Policy) -> Result<(), Close> {
        let journal = &self.broker.journal;
        if !journal.refuses_messages() {
            return Ok(());
        }
        let outlives = match connect.version {
            Version::V5 => connect.properties.session_expiry().unwrap_or(0) > 0,
            Version::V3_1 | Version::V3_1_1 => !connect.clean_start,
        };
        let owner = policy.session_owner(connect, &self.peer);
        let name = SessionName { client: connect.client_id, owner: &owner };
        let exists = self.broker.directory.keeps(name);
        let detail = if journal.failing_since().is_some() && (outlives || exists) {
            "the store fails, so a session that outlives its connection cannot be kept"
        } else if !journal.disk_is_full() {
            return Ok(());
        } else if outlives && !exists {
            "the disk is full, so no further session that outlives its connection can be kept"
        } else if outlives && connect.will.as_ref().is_some_and(|will| will_len(will) > SMALL_WILL) {
            "the disk is full, so a will of this size cannot be kept"
        } else {
            // It may drain what is stored for it, which makes room.
            return Ok(());
        };
        if journal.failing_since().is_none() {
            journal.count_refusal();
        }
        Err(Close::new(Reason::SERVER_UNAVAILABLE, detail))
    }
}

fn will_len(will: &Will<'_>) -> usize {
    will.topic.len() + will.properties.as_bytes().len() + will.payload.len()
}

fn check_identifier(connect: &Connect<'_>, policy: &Policy) -> Result<(), Close> {
    if !connect.client_id.is_empty() {
        return Ok(());
    }
    // 3.1 has no empty identifiers; later versions give one to a client that asks for a new session.
    if connect.version == Version::V3_1 || (connect.version == Version::V3_1_1 && !connect.clean_start) {
        // [v3 MQTT-3.1.3-8]
        return Err(Close::new(
            Reason::CLIENT_IDENTIFIER_NOT_VALID,
            "an empty client identifier needs a clean session",
        ));
    }
    if !policy.empty_client_id && !policy.username_as_client_id {
        return Err(Close::new(
            Reason::CLIENT_IDENTIFIER_NOT_VALID,
            "an empty client identifier is not taken here",
        ));
    }
    Ok(())
}
