//! `skeeter ctl`: requests to the control interface of a broker.

mod call;
mod print;

use std::io::Write;

use serde_json::{Value, json};

use crate::cli::control::{ClientsArgs, ControlArgs, ControlCommand, ExplainArgs};
use crate::cli::exit::{FAILURE, Failure, INPUT, SUCCESS, Status, Teller, USAGE};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::dial::connection::Plan;
use crate::text::os_error;
use call::Caller;

/// Entries of a list that are requested at once.
const PAGE: usize = 1_000;

pub(super) fn run(args: &ControlArgs) -> u8 {
    let teller = Teller::new("ctl", &args.connect);
    teller.finish(prepare(args, teller))
}

/// The operation and the arguments that a command stands for.
struct Request {
    operation: String,
    arguments: Value,
    /// The list in the response, if it has pages.
    list: Option<&'static str>,
}

impl Request {
    fn new(operation: &str, arguments: Value) -> Self {
        Self { operation: operation.to_owned(), arguments, list: None }
    }

    fn of_list(operation: &str, mut arguments: Value, list: &'static str) -> Self {
        arguments["limit"] = PAGE.into();
        Self { operation: operation.to_owned(), arguments, list: Some(list) }
    }

    /// # Errors
    /// The arguments of `call` are not JSON.
    fn from_command(command: &ControlCommand) -> Result<Self, Failure> {
        Ok(match command {
            ControlCommand::Broker => Self::new("broker", json!({})),
            ControlCommand::Listeners => Self::new("listeners", json!({})),
            ControlCommand::Clients(ClientsArgs { contains, user, connected, disconnected }) => {
                let connected = (*connected || *disconnected).then_some(*connected);
                let arguments = json!({ "contains": contains, "username": user, "connected": connected });
                Self::of_list("clients", arguments, "clients")
            }
            ControlCommand::Client { client_id } => Self::new("client", json!({ "client_id": client_id })),
            ControlCommand::Kick { client_id, reason_code } => {
                Self::new("disconnect", json!({ "client_id": client_id, "reason_code": reason_code }))
            }
            ControlCommand::EndSession { client_id } => {
                Self::new("end-session", json!({ "client_id": client_id }))
            }
            ControlCommand::Unsubscribe { client_id, topic_filter } => {
                Self::new("unsubscribe", json!({ "client_id": client_id, "topic_filter": topic_filter }))
            }
            ControlCommand::Retained { topic_filter, payload } => {
                let arguments = json!({ "topic_filter": topic_filter, "payload": payload });
                Self::of_list("retained", arguments, "messages")
            }
            ControlCommand::DeleteRetained { topic_filter, dry_run } => {
                Self::new("delete-retained", json!({ "topic_filter": topic_filter, "dry_run": dry_run }))
            }
            ControlCommand::Explain(ExplainArgs { user, id, listener, action, topic }) => Self::new(
                "explain",
                json!({
                    "username": user, "client_id": id, "listener": listener, "action": action.name(), "topic": topic,
                }),
            ),
            ControlCommand::Call { operation, arguments } => {
                let arguments = serde_json::from_str(arguments);
                let arguments = arguments.map_err(|error| {
                    Failure::new(USAGE, format!("the arguments are not JSON: {}", os_error(&error)))
                })?;
                Self::new(operation, arguments)
            }
        })
    }
}

fn prepare(args: &ControlArgs, teller: Teller) -> Result<Status, Failure> {
    let request = Request::from_command(&args.command)?;
    let mut plan = Plan::new(&args.connect)?;
    plan.tell_packets(args.debug, teller);
    crate::dial::block_on(async move {
        let mut caller = Caller::open(plan, args.timeout, teller).await?;
        let called = call_all(&mut caller, request).await;
        let _ = caller.dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
        print_result(&called?, args)
    })
}

/// Sends the request; all pages of a list, joined.
async fn call_all(caller: &mut Caller, mut request: Request) -> Result<Value, Failure> {
    let mut whole = caller.call(&request.operation, &request.arguments).await?;
    let Some(list) = request.list else { return Ok(whole) };
    loop {
        let next = whole["next"].take();
        if next.is_null() {
            // The pages are joined.
            whole.as_object_mut().and_then(|whole| whole.remove("next"));
            return Ok(whole);
        }
        request.arguments["after"] = next;
        let mut page = caller.call(&request.operation, &request.arguments).await?;
        if let (Some(all), Some(more)) = (whole[list].as_array_mut(), page[list].as_array_mut()) {
            all.append(more);
        }
        whole["next"] = page["next"].take();
    }
}

fn print_result(result: &Value, args: &ControlArgs) -> Result<Status, Failure> {
    let text = match args.json {
        true => format!("{result:#}\n"),
        false => print::text(&args.command, result),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Nobody reads it any more: no failure of ours.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(INPUT, format!("cannot write to stdout: {}", os_error(&error))))
        }
        _ => Ok(is_denied(&args.command, result).unwrap_or(SUCCESS)),
    }
}

/// The status of `explain` says whether the user may.
fn is_denied(command: &ControlCommand, result: &Value) -> Option<Status> {
    (matches!(command, ControlCommand::Explain(_)) && result["allowed"] == false).then_some(FAILURE)
}
