//! The form of answers: `{"result": ...}`, or `{"error": {"code": ..., "message": ...}}`.

use serde_json::{Value, json};

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControlError {
    /// For programs.
    pub(super) code: &'static str,
    /// For people, in one line.
    pub(super) message: String,
}

impl ControlError {
    /// The request itself is wrong.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { code: "bad_request", message: message.into() }
    }

    /// What the request names does not exist.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { code: "not_found", message: message.into() }
    }
}

/// What an operation returns.
pub(super) type Answer = Result<Value, ControlError>;

/// The answer as it is sent.
pub(super) fn encode(answer: &Answer) -> Vec<u8> {
    match answer {
        Ok(result) => json!({ "result": result }).to_string().into_bytes(),
        Err(ControlError { code, message }) => error(code, message),
    }
}

/// An error as it is sent.
pub(super) fn error(code: &str, message: &str) -> Vec<u8> {
    json!({ "error": { "code": code, "message": message } }).to_string().into_bytes()
}
