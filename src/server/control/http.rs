//! HTTP for the control interface: health checks, metrics, and the operations as `/api/v1/OPERATION`.
//!
//! A request with a username and password is authenticated as a client of the broker would be, by a connection within the
//! process: the same users, the same limits per address, the same log. What it may do is what the ACL permits that client to
//! publish under `$CONTROL/skeeter/v1/`.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::api::{Caller, ControlApi};
use super::metrics::{self, MetricsFormat};
use crate::broker::{Decision, Ending, Event, Peer, Who};
use crate::client::{Client, Settings};
use crate::codec::packet::Version;
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::net::Stream;
use crate::net::link::{Ended, Link};
use crate::net::listener::DetachedConnection;
use crate::server::admission::AdmissionPermit;
use crate::server::connection_task::ConnectionTask;
use crate::server::log::LogEvent;
use crate::server::worker::Worker;
use crate::text::os_error;
use crate::topic;

/// Time for the header of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the broker to authenticate a client.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the body of a request.
const BODY_LIMIT: usize = 1024 * 1024;
/// Bytes of the header of a request.
const HEADER_LIMIT: usize = 16 * 1024;
/// Bytes on their way within the process.
const PIPE: usize = 4 * 1024;

type Answer = Response<Full<Bytes>>;

/// Serves an accepted connection until it ends.
pub(super) async fn serve(
    worker: Rc<Worker>,
    api: Rc<ControlApi>,
    connection: DetachedConnection,
    permit: AdmissionPermit,
) {
    worker.state.counters[worker.handle.number].count_socket();
    let accepted = match connection.attach() {
        Ok(accepted) => accepted,
        Err(error) => {
            return worker.log().write(&LogEvent::ConnectionFailed { reason: &os_error(&error) });
        }
    };
    let loaded = permit.listener().loaded();
    let connected = match loaded.upgrade(accepted.stream, accepted.from).await {
        Ok(connected) => connected,
        Err(refused) => {
            let mut turn = worker.begin();
            let why = Ending::Lost(refused.reason.into());
            turn.events.push(Event::HandshakeFailed { peer: refused.name, why });
            return worker.finish(turn);
        }
    };
    let peer = permit.upgraded_peer(&connected);
    let site = Rc::new(Site { is_local: loaded.listener.is_local(), worker, api, peer });
    let service = service_fn(|request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    // How a connection ends is the client's affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_LIMIT)
        .serve_connection(TokioIo::new(connected.stream), service)
        .await;
}

/// One connection.
struct Site {
    worker: Rc<Worker>,
    api: Rc<ControlApi>,
    peer: Peer,
    /// Whether only this machine can connect, and so no client needs to be authenticated.
    is_local: bool,
}

/// Why a request is refused.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn answer(&self) -> Answer {
        let body = super::answer::error(self.code, &self.message);
        let mut answer = json(self.status, body);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"skeeter\", charset=\"UTF-8\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let is_head = request.method() == Method::HEAD;
        let mut answer = self.route(request).await.unwrap_or_else(|refusal| refusal.answer());
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if is_head {
            *answer.body_mut() = Full::default();
        }
        answer
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let path = request.uri().path().to_owned();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        self.check_origin(request.headers())?;
        match (&*path, is_read) {
            ("/healthz", true) => Ok(text(StatusCode::OK, "ok\n")),
            ("/readyz", true) => Ok(self.readiness()),
            ("/metrics", true) => {
                let who = self.authenticate(request.headers()).await?;
                self.check_permission(&who, "metrics")?;
                let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
                let format = MetricsFormat::accepted(accept.unwrap_or_default());
                let body = metrics::text(&self.worker.state, self.api.listeners(), format);
                Ok(with_type(StatusCode::OK, format.content_type(), body.into()))
            }
            (path, is_read) => match path.strip_prefix("/api/v1/") {
                Some(operation) => self.call(operation, is_read, request).await,
                None => Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {path}"))),
            },
        }
    }

    /// One operation: GET for those that read, with arguments in the query; POST for all, with arguments as JSON.
    async fn call(
        &self,
        operation: &str,
        is_read: bool,
        request: Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        let not_allowed =
            |text: &str| Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text));
        if !is_read && request.method() != Method::POST {
            return not_allowed("use GET or POST");
        }
        match ControlApi::changes(operation) {
            None => {
                return Err(Refusal::new(
                    StatusCode::NOT_FOUND,
                    "unknown_operation",
                    "there is no such operation; see /api/v1/operations",
                ));
            }
            Some(true) if is_read => return not_allowed("use POST for what changes something"),
            Some(_) => {}
        }
        let who = self.authenticate(request.headers()).await?;
        self.check_permission(&who, operation)?;
        let arguments = match is_read {
            true => super::query::arguments(request.uri().query().unwrap_or_default()),
            false => body(request).await?.to_vec(),
        };
        let caller = Caller { who: &who, address: &self.peer.name };
        let answer = self.api.call(operation, &arguments, &caller);
        let status = match &answer {
            Ok(_) => StatusCode::OK,
            Err(error) if error.code == "not_found" => StatusCode::NOT_FOUND,
            Err(_) => StatusCode::BAD_REQUEST,
        };
        Ok(json(status, super::answer::encode(&answer)))
    }

    fn readiness(&self) -> Answer {
        match self.worker.state.broker.journal().failing_since() {
            None => text(StatusCode::OK, "ready\n"),
            Some(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be written\n"),
        }
    }

    /// Refuses requests that a page of another site makes a browser send. On a listener of this machine the name of the host
    /// must be one of this machine, as a name of another site may be made to point here.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let forbidden = |message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message));
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if self.is_local && !is_this_machine(host) {
            return forbidden("the Host header must name this machine, such as localhost");
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().unwrap_or_default();
            if origin.split_once("://").is_none_or(|(_, origin)| origin != host) {
                return forbidden("requests from pages of other sites are refused");
            }
        }
        Ok(())
    }

    /// The client that a request comes from.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Who>, Refusal> {
        let unauthorized = |text: String| Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", text);
        let credentials = match headers.get(header::AUTHORIZATION) {
            None => None,
            Some(value) => Some(credentials(value).ok_or_else(|| {
                unauthorized("the Authorization header is not Basic authentication".into())
            })?),
        };
        let client: Arc<str> = "http".into();
        let listener = self.peer.listener;
        let (username, password) = match credentials {
            // A listener that others can reach needs authentication.
            None if !self.is_local && self.peer.identity.is_none() => {
                return Err(unauthorized("a username and password are needed".into()));
            }
            None => (None, None),
            Some((username, password)) => (Some(username), Some(password)),
        };
        let login = self.log_in(username.clone(), password);
        match tokio::time::timeout(LOGIN_TIMEOUT, login).await {
            Ok(Ok(())) => {
                let username = self.peer.identity.clone().or(username.map(Into::into));
                Ok(Arc::new(Who { client, username, listener }))
            }
            Ok(Err(ended)) => Err(unauthorized(format!("the login failed: {ended}"))),
            Err(_) => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "the login took too long")),
        }
    }

    /// Connects to the broker within the process as this user, which says whether it may.
    async fn log_in(&self, username: Option<String>, password: Option<String>) -> Result<(), Ended> {
        let settings = Settings {
            version: Version::V5,
            clean_start: true,
            keep_alive: 0,
            client_id: String::new(),
            username,
            password: password.map(String::into_bytes),
            ..Settings::default()
        };
        let (ours, theirs) = tokio::io::duplex(PIPE);
        ConnectionTask::spawn(&self.worker, theirs, self.peer.clone(), None);
        let mut link = Link::local(Client::new(settings));
        link.open_on(Stream::Local(ours)).await?;
        link.close(Reason::SUCCESS, Properties::EMPTY).await
    }

    fn check_permission(&self, who: &Who, operation: &str) -> Result<(), Refusal> {
        let topic = format!("{}{operation}", topic::CONTROL);
        match self.worker.state.broker.explain_publish(who, &topic) {
            Decision::Denied(denial) => {
                let message = format!("publishing to {topic} is denied: {denial}");
                Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
            }
            Decision::NoRules | Decision::Allowed { .. } => Ok(()),
        }
    }
}

/// The whole body.
async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    let whole = Limited::new(request.into_body(), BODY_LIMIT).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => {
            let message = format!("the body must be complete and have at most {BODY_LIMIT} bytes");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message))
        }
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long")),
    }
}

/// The username and password of Basic authentication (RFC 7617).
fn credentials(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

/// Whether a Host header is a loopback address or `localhost`, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn json(status: StatusCode, body: Vec<u8>) -> Answer {
    with_type(status, "application/json", body.into())
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    with_type(status, "text/plain; charset=utf-8", body.into())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_names_of_this_machine_are_accepted() {
        for host in ["localhost", "LOCALHOST:9883", "127.0.0.1:80", "[::1]:9883", "127.8.9.1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "example.org", "localhost.example.org:9883", "192.0.2.1", "[2001:db8::1]:9883"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
