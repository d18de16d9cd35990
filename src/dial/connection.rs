//! From the flags and the environment to an open connection, for every client subcommand.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use super::{ignored, target, trace};
use crate::cli::connect::{ConnectArgs, Dialect, ProtocolVersion, WillArgs};
use crate::cli::exit::{Failure, INPUT, Teller, USAGE};
use crate::cli::property::{self, PropertyCarrier};
use crate::cli::value::Url;
use crate::client::{Client, DEFAULT_MAX_PACKET_SIZE, MAX_PACKET_SIZE, Settings, Will};
use crate::codec::packet::Version;
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::dial::{Dial, Waits};
use crate::net::link::{Link, Witness};
use crate::net::{Target, TcpOptions};
use crate::text::os_error;

/// Whom to talk to, and as whom.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) target: Target,
    /// The topic in the URL.
    pub(crate) topic: Option<String>,
    /// Whether an older version will do where the broker does not know 5.
    falls_back: bool,
    /// How long to try when nobody answers.
    wait: Waits,
    /// Is shown each packet, with `-d`.
    witness: Option<Witness>,
    /// What to tell of flags that have no effect.
    ignored: Vec<String>,
}

/// The name and the password, from the environment where the flags and the URL do not say them. Who comes as somebody does
/// not take the password of somebody else.
fn credentials(
    args: &ConnectArgs,
    username: Option<String>,
    password: Option<String>,
) -> Result<(Option<String>, Option<String>), Failure> {
    Ok(match (username, password) {
        both if args.dialect == Dialect::Mosquitto => both,
        (None, password) => (variable("MQTT_USERNAME")?, password.or(variable("MQTT_PASSWORD")?)),
        (username, None) if args.username.is_none() => (username, None),
        (username, None) => (username, variable("MQTT_PASSWORD")?),
        both => both,
    })
}

/// An environment variable, if it is set and not empty.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok((!value.is_empty()).then_some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::new(USAGE, format!("{name} is not UTF-8"))),
    }
}

/// The version to begin with.
fn version(args: &ConnectArgs, needs_5: bool) -> Result<Version, Failure> {
    match args.protocol_version {
        None if args.dialect == Dialect::Mosquitto && !needs_5 => Ok(Version::V3_1_1),
        None | Some(ProtocolVersion::V5) => Ok(Version::V5),
        Some(_) if needs_5 => Err(Failure::new(USAGE, "-D and -x belong to MQTT 5".to_owned())),
        Some(ProtocolVersion::V311) => Ok(Version::V3_1_1),
        Some(ProtocolVersion::V31) => Ok(Version::V3_1),
    }
}

impl Plan {
    /// Flags win over the environment, and what is said exactly over what is in a URL.
    ///
    /// # Errors
    /// When something is wrong, or does not go together.
    pub(crate) fn new(args: &ConnectArgs) -> Result<Self, Failure> {
        Self::to(args, args.address.as_ref().or(args.url.as_ref()))
    }

    /// To the broker of this URL, and all else as the flags say.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(crate) fn to(args: &ConnectArgs, url: Option<&Url>) -> Result<Self, Failure> {
        let usage = |text: String| Failure::new(USAGE, text);
        // A broker named by flags is not mixed with one named by the environment.
        let named = url.is_some() || args.host.is_some() || args.port.is_some() || unix(args).is_some();
        let is_mosquitto = args.dialect == Dialect::Mosquitto;
        let environment = if named || is_mosquitto { Environment::default() } else { Environment::read()? };
        let url = url.or(environment.url.as_ref());
        let tls = target::tls(&args.tls, args.port, url)?;
        let host = args.host.clone().or(environment.host).or(url.map(|url| url.host.clone()));
        let port = args.port.or(environment.port).or(url.and_then(|url| url.port));
        let port = port.unwrap_or_else(|| target::standard_port(args, url, tls.is_some()));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let of_url = |part: fn(&Url) -> &Option<String>| url.and_then(|url| part(url).clone());
        let username = args.username.clone().or_else(|| of_url(|url| &url.username));
        let password = secret(args)?.or_else(|| of_url(|url| &url.password));
        let (username, password) = credentials(args, username, password)?;
        // What only 5 can say makes it 5.
        let needs_5 = !args.properties.is_empty() || args.session_expiry.is_some();
        let version = version(args, needs_5)?;
        let mut settings = Settings {
            version,
            clean_start: !args.disable_clean_session,
            keep_alive: args.keepalive,
            client_id: client_id(args, version),
            username,
            password: password.map(String::into_bytes),
            max_inflight: args.max_inflight,
            ..Settings::default()
        };
        settings.properties = property::of(&args.properties, PropertyCarrier::Connect).map_err(usage)?;
        let falls_back = args.protocol_version.is_none() && !needs_5 && !is_mosquitto;
        settings.max_packet_size = max_packet_size(args, settings.properties.as_properties())?;
        push_session_expiry(args, version, &mut settings.properties)?;
        // amqtt 0.12 answers a CONNECT of MQTT 5 without properties, so that 3.1.1 can be tried, but none with them.
        if !falls_back || args.max_packet_size.is_some() {
            settings.announce_max_packet_size();
        }
        settings.will = will(args).map_err(usage)?;
        settings.check().map_err(|why| usage(why.to_owned()))?;
        #[cfg(unix)]
        let unix = target::unix(args, url, &host, port);
        let target = Target {
            host,
            port,
            #[cfg(unix)]
            finds_service: args.transport.srv,
            #[cfg(not(unix))]
            finds_service: false,
            from: args.from,
            proxy: args.transport.proxy.clone(),
            tcp: TcpOptions::default(),
            tls,
            web: target::resource(args, url),
            #[cfg(unix)]
            unix,
        };
        Ok(Self {
            settings,
            ignored: ignored::lines(args, &target),
            target,
            topic: of_url(|url| &url.topic),
            falls_back,
            wait: Waits::new(args.wait),
            witness: None,
        })
    }

    /// Shows each packet, if `debug` is asked for.
    pub(crate) fn tell_packets(&mut self, debug: bool, teller: Teller) {
        self.witness = debug.then(|| trace::witness(teller));
    }

    /// A connection that finds out which version the broker speaks; nothing where one was asked for.
    pub(crate) fn probe(&self, teller: Teller) -> Option<Dial> {
        let settings = Settings { client_id: random_id(), will: None, ..self.settings.clone() };
        let link = Link::new(Client::new(settings), self.target.clone());
        let broker = self.target.to_string();
        self.falls_back.then(|| Dial::new(link, broker, true, self.wait, teller))
    }

    /// A client that is not connected yet; it tells of lost connections by `teller`.
    pub(crate) fn dial(self, teller: Teller) -> Dial {
        self.ignored.iter().for_each(|line| teller.warn(line));
        let broker = self.target.to_string();
        let mut link = Link::new(Client::new(self.settings), self.target);
        if let Some(witness) = self.witness {
            link.show_to(witness);
        }
        Dial::new(link, broker, self.falls_back, self.wait, teller)
    }
}

/// Adds the session expiry of `-x` and `-c` to the properties of CONNECT.
fn push_session_expiry(
    args: &ConnectArgs,
    version: Version,
    properties: &mut PropertiesBuf,
) -> Result<(), Failure> {
    let usage = |text: &str| Failure::new(USAGE, text);
    let expiry = args.session_expiry.or(args.disable_clean_session.then_some(u32::MAX));
    let needs_id = expiry == Some(u32::MAX) || args.disable_clean_session && version != Version::V5;
    if needs_id && args.id.is_none() {
        return Err(usage("a session that is kept needs a name: add -i ID"));
    }
    if let Some(expiry) = expiry.filter(|expiry| *expiry > 0) {
        if properties.as_properties().session_expiry().is_some() {
            return Err(usage("the session expiry is given twice"));
        }
        properties.push(Property::SessionExpiryInterval(expiry));
    }
    Ok(())
}

/// The largest packet to accept from the broker, for a CONNECT with these properties.
fn max_packet_size(args: &ConnectArgs, properties: Properties<'_>) -> Result<usize, Failure> {
    match (args.max_packet_size, properties.maximum_packet_size()) {
        (Some(_), Some(_)) => Err(Failure::new(USAGE, "the maximum packet size is given twice")),
        (Some(bytes), None) => Ok(bytes),
        (None, Some(bytes)) => Ok(bytes as usize),
        (None, None) if args.dialect == Dialect::Mosquitto => Ok(MAX_PACKET_SIZE),
        (None, None) => Ok(DEFAULT_MAX_PACKET_SIZE),
    }
}

/// The password of the command line, or of where that says.
fn secret(args: &ConnectArgs) -> Result<Option<String>, Failure> {
    let unreadable = |path: &Path, error| {
        Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error)))
    };
    #[cfg(unix)]
    let descriptor = args.password_fd.map(|number| PathBuf::from(format!("/dev/fd/{number}")));
    #[cfg(not(unix))]
    let descriptor = None;
    if let Some(path) = args.password_file.clone().or(descriptor) {
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        return Ok(Some(text.lines().next().unwrap_or_default().to_owned()));
    }
    if args.ask_password {
        let asked = rpassword::prompt_password("Password: ");
        return asked.map(Some).map_err(|error| unreadable(Path::new("the terminal"), error));
    }
    Ok(args.password.clone())
}

#[cfg(unix)]
fn unix(args: &ConnectArgs) -> Option<&PathBuf> {
    args.unix.as_ref()
}

#[cfg(not(unix))]
fn unix(_: &ConnectArgs) -> Option<&PathBuf> {
    None
}

fn will(args: &ConnectArgs) -> Result<Option<Will>, String> {
    let properties = property::of(&args.properties, PropertyCarrier::Will)?;
    let WillArgs { will_topic, will_payload, will_qos, will_retain } = &args.will;
    let Some(topic) = will_topic.clone() else {
        return match properties.is_empty() {
            true => Ok(None),
            false => Err("a property of the will needs --will-topic".to_owned()),
        };
    };
    let payload = will_payload.as_ref().map_or(vec![], |payload| payload.as_encoded_bytes().to_vec());
    Ok(Some(Will { topic, payload, qos: *will_qos, retain: *will_retain, properties }))
}

/// What the environment says of the broker.
#[derive(Debug, Default)]
struct Environment {
    url: Option<Url>,
    host: Option<String>,
    port: Option<u16>,
}

impl Environment {
    fn read() -> Result<Self, Failure> {
        let bad =
            |name: &str, why: &str| Failure::new(USAGE, format!("the environment variable {name}: {why}"));
        let url = variable("MQTT_URL")?.map(|text| Url::parse(&text).map_err(|why| bad("MQTT_URL", &why)));
        let port = variable("MQTT_PORT")?
            .map(|text| text.parse().map_err(|_| bad("MQTT_PORT", "expected a number from 0 to 65535")));
        Ok(Self { url: url.transpose()?, host: variable("MQTT_HOST")?, port: port.transpose()? })
    }
}

fn client_id(args: &ConnectArgs, version: Version) -> String {
    match (&args.id, &args.id_prefix) {
        (Some(id), _) => id.clone(),
        (None, Some(prefix)) => format!("{prefix}{}", std::process::id()),
        // 3.1 knows no empty identifier.
        (None, None) if version == Version::V3_1 => random_id(),
        (None, None) => String::new(),
    }
}

/// An identifier that nobody else has: 23 characters, as 3.1 permits no more.
pub(crate) fn random_id() -> String {
    format!("skeeter{:016x}", random())
}

/// The seed of the standard library's maps is the randomness at hand.
pub(crate) fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
