//! Every limit of the broker, in one table: its default, flag, configuration option and help text derive from its row.
//!
//! Reaching a limit is a reason code and a counter, never a crash and never a silent loss.

use std::time::Duration;

use crate::delivery::MAX_SESSION_ID;
use crate::topic;

/// Calls the macro `$callback` with all rows.
///
/// A row is: field and type; the default without a configuration file; the help text, and after `+` more of it; `flag`,
/// its name and the unit of its value; `file`, the name of the option, the form of its value, when a change takes effect,
/// and the default of a broker with a configuration file, which is mosquitto's where mosquitto has the option. `with` names
/// the option of another row that sets this limit too. A flag in several rows sets all of them.
macro_rules! limits_table {
    ($callback:ident) => {
        $callback! {
            /// Open connections of the broker; one more is refused with 0x97 (3.1.1: server unavailable).
            connections: usize = 100_000 => "Maximum number of connections" + "",
                flag "max-connections" Count,
                file "global_max_connections" Limit(INT_MIN, INT_MAX) Next = usize::MAX;
            /// Sessions of the broker, connected or not; one more is refused with 0x97 (3.1.1: server unavailable).
            sessions: usize = usize::MAX => "Maximum number of sessions, including those of disconnected clients" + "",
                file "global_max_clients" Limit(INT_MIN, INT_MAX) Next = usize::MAX;
            /// Bytes of the largest payload; a larger message is dropped, and its publisher gets 0x95.
            payload: usize = usize::MAX
                => "Maximum payload size of a message in bytes; larger messages are dropped, and MQTT 5 publishers are told so (0x95)" + "",
                file "message_size_limit" Limit(0, 268_435_455) Now = usize::MAX;
            /// Whether messages may be retained; announced in CONNACK if not, and a retained message then ends the connection
            /// with 0x9A.
            retain: bool = true => "Whether messages may be retained; if not, a client that retains one is disconnected" + "",
                file "retain_available" Switch Next = true;
            /// Whether the memory limit is reached: new clients are refused, and nothing more is queued or retained.
            memory_is_full: bool = false;
            /// Whether QoS 0 messages are queued for disconnected sessions.
            queue_at_most_once: bool = false => "Whether QoS 0 messages are queued for disconnected clients" + "",
                file "queue_qos0_messages" Switch Now = false;
            /// Whether a message is delivered with the QoS of the subscription even if it was published with a lower one.
            upgrade_qos: bool = false
                => "Whether messages are delivered at the QoS of the subscription even if they were published at a lower QoS" + "",
                file "upgrade_outgoing_qos" Switch Now = false;
            /// Whether a session with overlapping subscriptions gets a message once for each of them.
            duplicates: bool = false
                => "Whether a client gets one copy of a message for each matching subscription, or one copy in all" + "",
                file "allow_duplicate_messages" Switch Now = true;
            /// Bytes of the largest packet from a client; announced in CONNACK.
            packet_size: u32 = 16 * 1024 * 1024 => "Maximum size of a packet from a client in bytes" + "",
                flag "max-packet-size" Bytes,
                file "max_packet_size" Number(20, INT_MAX) Next = 2_000_000;
            /// Messages queued for one session, or in one shared group, beyond those in flight.
            queued_messages: usize = 100_000 => "Maximum number of messages queued for one session" + "",
                flag "max-queued-messages" Count,
                file "max_queued_messages" Limit(INT_MIN, INT_MAX) Now = 1_000;
            /// Bytes queued for one session, counting [`Limits::QUEUED_OVERHEAD`] for each message, or unsent in its output.
            queued_bytes: usize = 64 * 1024 * 1024 => "Maximum total size of the messages queued for one session, in bytes" + "",
                flag "max-queued-bytes" Bytes,
                file "max_queued_bytes" Limit(INT_MIN, INT_MAX) Now = usize::MAX;
            /// QoS 1 and 2 messages in flight from one client; announced in CONNACK to MQTT 5 clients.
            receive_maximum: u16 = 1_024
                => "Receive Maximum of the broker: maximum number of QoS 1 and 2 messages in flight from one client" + "",
                flag "receive-maximum" Positive,
                with "max_inflight_messages" = 20;
            /// QoS 1 and 2 messages in flight to one client, unless its own Receive Maximum is lower.
            in_flight: u16 = 1_024 => "Maximum number of QoS 1 and 2 messages in flight to one client; a lower Receive Maximum of the client takes precedence"
                + "In a configuration file, max_inflight_messages also sets the Receive Maximum of the broker.",
                flag "max-inflight" Positive,
                file "max_inflight_messages" Limit(INT_MIN, 65_535) Next = 20;
            /// Payload bytes in flight to one client from which on no further message is sent.
            in_flight_bytes: usize = usize::MAX
                => "Maximum payload bytes of QoS 1 and 2 messages in flight to one client; one message is always allowed" + "",
                file "max_inflight_bytes" Limit(INT_MIN, INT_MAX) Now = usize::MAX;
            /// Topic aliases that a client may set; announced in CONNACK. 0: none.
            topic_aliases_in: u16 = 64 => "Maximum number of topic aliases per connection, in each direction" + "",
                flag "max-topic-alias" Count;
            /// Topic aliases that the broker sets towards a client that allows as many. 0: none.
            topic_aliases_out: u16 = 64 => "Maximum number of topic aliases per connection, in each direction" + "",
                flag "max-topic-alias" Count;
            /// Seconds of the longest keep alive; a longer one, or none, is answered with this in MQTT 5, and refused before.
            /// 0: any.
            keep_alive: u16 = 0 => "Maximum keep alive in seconds; 0 allows any, including none"
                + "MQTT 5 clients that ask for more get this value as Server Keep Alive; clients of earlier versions are refused.",
                flag "max-keep-alive" Seconds,
                file "max_keepalive" Number(0, 65_535) Next = 0;
            /// Seconds that a session outlives its connection; `u32::MAX`: for ever.
            session_expiry: u32 = u32::MAX => "Maximum session expiry interval in seconds; longer ones are shortened"
                + "In a configuration file with a unit: seconds, hours, days, weeks, months of 30 days or years of 365.",
                flag "max-session-expiry" Seconds,
                file "persistent_client_expiration" Lifetime Next = u32::MAX;
            /// Levels of a topic filter or topic name. A deeper filter is refused with 0x97 (3.1.1: 0x80), a deeper topic name
            /// closes the connection. Each costs memory of the index. As in mosquitto: 200 separators.
            filter_levels: usize = 201 => "Maximum number of levels in a topic filter or topic name" + "",
                flag "max-filter-levels" Count;
            /// Whether topics, filters, client IDs and usernames may contain control characters and non-characters (MQTT 5,
            /// section 1.5.4).
            control_characters: bool = false
                => "Allow control characters and non-characters in topics, client IDs and usernames"
                + "By default they are refused, as section 1.5.4 of MQTT 5.0 permits: U+0001 to U+001F, U+007F to U+009F, and \
                   non-characters such as U+FFFF. Payloads may contain anything.",
                flag "allow-control-characters" Switch,
                file "allow_control_characters" Switch Now = false;
            /// Subscriptions of one session.
            subscriptions: usize = 100_000 => "Maximum number of subscriptions of one session" + "",
                flag "max-subscriptions" Count,
                file "max_subscriptions" Limit(INT_MIN, INT_MAX) Now = 100_000;
            /// Bytes of their filters, unless they are few.
            subscription_bytes: usize = 16 * 1024 * 1024;
            /// Retained messages of the broker.
            retained_messages: usize = usize::MAX;
            /// Bytes of topics and payloads of the broker's retained messages.
            retained_bytes: usize = usize::MAX;
            /// Bytes of the largest CONNECT, where [`Limits::packet_size`] is not less.
            connect_size: u32 = 256 * 1024 => "Maximum size of a CONNECT packet in bytes" + "",
                flag "max-connect-size" Bytes;
            /// Open connections from one address, or one IPv6 network of 64 bits; one more is closed.
            connections_per_address: usize = usize::MAX
                => "Maximum number of connections from one IPv4 address or one IPv6 /64 network" + "",
                flag "max-connections-per-address" Count;
            /// Failed logins from one such address after which it is blocked, longer after each further one; 0: no limit.
            failed_logins: u32 = 20 => "Number of failed logins after which an address is blocked for a while; 0 disables blocking"
                + "The address is blocked for one second, and for twice as long after each further failure, up to five minutes. \
                   Credentials that were verified before are still accepted. The count is reset after 15 minutes without a failure.",
                flag "max-failed-logins" Count;
            /// Logins of the broker that wait for their password to be verified; one more is refused with 0x89 (3.1.1: server
            /// unavailable).
            logins_waiting: usize = 16_384 => "Maximum number of logins waiting for their password to be verified" + "",
                flag "max-waiting-logins" Count;
            /// From accepting a connection to the last byte of its CONNECT.
            connect_timeout: Duration = Duration::from_secs(10)
                => "Time in seconds within which a connection must send its CONNECT" + "",
                flag "connect-timeout" Time,
                file "connect_timeout" Time(1, 3_600) Next = Duration::from_secs(10);
            /// How long a receiver with a backlog may slow publishers down, unless it takes [`Limits::lagging_messages`] or
            /// [`Limits::lagging_bytes`] within that time, and then again. If it does not, it is lagging: until it has caught
            /// up it slows no publisher down, and messages beyond the limits of its queue are dropped.
            lagging_after: Duration = Duration::from_secs(1);
            /// Messages of its queue that a receiver must take within [`Limits::lagging_after`].
            lagging_messages: usize = 1_000;
            /// Bytes, of its queue or its output, instead.
            lagging_bytes: usize = 1024 * 1024;
            /// A publisher whose messages are at least this far apart, after a burst, is not slowed down while there is room in
            /// the queues of its receivers.
            publish_pace: Duration = Duration::from_millis(4);
            /// Unsent bytes in a connection's output above which its publishers are slowed down.
            output_high: usize = 1024 * 1024;
            /// Unsent bytes below which they go on.
            output_low: usize = 256 * 1024;
            /// Receivers served before a fan-out lets other connections run.
            fan_out: usize = 256;
            /// The greatest packet identifier; less than [`MAX_SESSION_ID`] only in tests.
            packet_id: u16 = MAX_SESSION_ID;
            /// Messages of a stored queue that are in memory as well, at least 1; those behind them are read from the store
            /// when they are next.
            head_messages: usize = 1_000;
            /// Bytes of them, about.
            head_bytes: usize = 1024 * 1024;
            /// Bytes of payload and properties up to which a message is copied into each receiver's output; larger ones are
            /// shared.
            copied: usize = 4 * 1024;
        }
    };
}
pub(crate) use limits_table;

/// A row of the table, as far as it is known at run time. Values are numbers: switches are 0 or 1, times microseconds, and
/// the greatest number of the field's type is no limit.
#[derive(Debug)]
pub struct Limit {
    /// The field of [`Limits`].
    pub field: &'static str,
    /// One sentence without its period; empty if it cannot be configured.
    pub help: &'static str,
    /// More sentences, or none.
    pub details: &'static str,
    /// The flag without its dashes, and the unit of its value.
    pub flag: Option<(&'static str, LimitUnit)>,
    /// The option of the configuration file, and the form of its value.
    pub option: Option<(&'static str, LimitForm)>,
    /// The option of another row, which sets this limit as well.
    pub shared_option: Option<&'static str>,
    pub get: fn(&Limits) -> u64,
    /// A greater number than the type of the field allows is its greatest one.
    pub set: fn(&mut Limits, u64),
    /// The greatest number of the field's type: no limit.
    pub max: u64,
}

/// The range of mosquitto's numbers.
pub(crate) const INT_MIN: i64 = -2_147_483_648;
pub(crate) const INT_MAX: i64 = 2_147_483_647;

/// The unit of a flag's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitUnit {
    Count,
    /// A count of at least 1.
    Positive,
    Bytes,
    /// Whole seconds.
    Seconds,
    /// Seconds with a fraction.
    Time,
    /// The flag has no value.
    Switch,
}

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitForm {
    /// A number in this range.
    Number(i64, i64),
    /// A number in this range; 0 or less is no limit.
    Limit(i64, i64),
    /// Seconds in this range.
    Time(i64, i64),
    /// A number and a unit from `s` to `y`.
    Lifetime,
    Switch,
}

/// A type that a limit may have.
trait LimitValue {
    const MAX_NUMBER: u64;
    fn from_number(number: u64) -> Self;
    fn number(&self) -> u64;
}

macro_rules! limit_values {
    ($($type:ty)*) => {
        $(impl LimitValue for $type {
            const MAX_NUMBER: u64 = <$type>::MAX as u64;

            fn from_number(number: u64) -> Self {
                Self::try_from(number).unwrap_or(Self::MAX)
            }

            fn number(&self) -> u64 {
                *self as u64
            }
        })*
    };
}
limit_values!(usize u32 u16);

impl LimitValue for bool {
    const MAX_NUMBER: u64 = 1;

    fn from_number(number: u64) -> Self {
        number > 0
    }

    fn number(&self) -> u64 {
        (*self).into()
    }
}

impl LimitValue for Duration {
    const MAX_NUMBER: u64 = u64::MAX;

    fn from_number(number: u64) -> Self {
        Self::from_micros(number)
    }

    fn number(&self) -> u64 {
        u64::try_from(self.as_micros()).unwrap_or(u64::MAX)
    }
}

/// `None` without an argument.
macro_rules! option {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! define_limits {
    ($(
        $(#[doc = $doc:literal])*
        $field:ident: $type:ty = $default:expr
        $(=> $help:literal + $details:literal
            $(, flag $flag:literal $unit:ident)?
            $(, file $option:literal $form:ident$(($min:expr, $max:expr))? $reload:ident = $file:expr)?
            $(, with $shared:literal = $shared_file:expr)?)?;
    )*) => {
        /// What one broker allows; per connection or session unless the broker or an address is named.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl Default for Limits {
            /// The limits of a broker without a configuration file.
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Limits {
            /// All rows of the table.
            pub const TABLE: &[Limit] = &[
                $(Limit {
                    field: stringify!($field),
                    help: concat!("", $($help)?),
                    details: concat!("", $($details)?),
                    flag: option!($($(($flag, LimitUnit::$unit))?)?),
                    option: option!($($(($option, LimitForm::$form$(($min, $max))?))?)?),
                    shared_option: option!($($($shared)?)?),
                    get: |limits| limits.$field.number(),
                    set: |limits, number| limits.$field = LimitValue::from_number(number),
                    max: <$type as LimitValue>::MAX_NUMBER,
                },)*
            ];

            /// The limits of a broker with a configuration file that sets none of them.
            pub fn with_file() -> Self {
                // Topic aliases are options of each listener, with this default.
                let mut limits = Self { topic_aliases_in: 10, topic_aliases_out: 10, ..Self::default() };
                $($($(limits.$field = $file;)?)?)*
                $($($(limits.$field = $shared_file;)?)?)*
                limits
            }
        }
    };
}
limits_table!(define_limits);

impl Limits {
    /// Bytes a queued message costs beside its content.
    pub const QUEUED_OVERHEAD: usize = 128;

    /// Sets the limits of this flag.
    pub fn set_flag(&mut self, flag: &str, number: u64) {
        let rows = Self::TABLE.iter().filter(|limit| limit.flag.is_some_and(|(name, _)| name == flag));
        rows.for_each(|limit| (limit.set)(self, number));
    }

    /// Sets the limits of this option of a configuration file.
    pub fn set_option(&mut self, option: &str, number: u64) {
        let rows = Self::TABLE.iter().filter(|limit| {
            limit.option.is_some_and(|(name, _)| name == option) || limit.shared_option == Some(option)
        });
        rows.for_each(|limit| (limit.set)(self, number));
    }

    /// Whether a topic name is accepted, as far as limits go.
    pub(crate) fn check_topic(&self, topic: &str) -> Result<(), &'static str> {
        if topic::is_deeper(topic, self.filter_levels) {
            return Err("the topic has more levels than are allowed here");
        }
        match self.control_characters || topic::refusable_character(topic).is_none() {
            true => Ok(()),
            false => Err("the topic contains a control character or a non-character"),
        }
    }
}
