//! Unix sockets.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::{fmt, io};

use serde_json::{Value, json};
use tokio::net::{UnixListener, UnixStream};

use super::endpoint::{Accepted, Attach, Endpoint};
use super::{SocketAccess, SystemId};
use crate::net::Stream;
use crate::net::stream::ByteStream;
use crate::text::os_error;

#[derive(Debug)]
struct UnixEndpoint {
    listener: UnixListener,
    path: PathBuf,
    /// Nothing if whoever has opened the socket removes its file.
    _file: Option<SocketFile>,
}

impl Endpoint for UnixEndpoint {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let accepted = self.listener.poll_accept(cx);
        accepted.map_ok(|(stream, _)| Accepted { stream: Stream::Other(Box::new(stream)), from: None })
    }

    fn url(&self, scheme: &str) -> String {
        match scheme {
            "mqtt" => format!("unix://{}", self.path.display()),
            scheme => format!("unix://{} ({scheme})", self.path.display()),
        }
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        vec![("path", json!(self.path))]
    }
}

impl ByteStream for UnixStream {
    fn detach(self: Box<Self>) -> io::Result<Attach> {
        let stream = self.into_std()?;
        Ok(Box::new(move || Ok(Stream::Other(Box::new(Self::from_std(stream)?)))))
    }
}

/// The file of a Unix socket, removed with it.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A socket that was opened before this process started.
pub(super) fn inherited(socket: std::os::unix::net::UnixListener) -> io::Result<Box<dyn Endpoint>> {
    socket.set_nonblocking(true)?;
    let path = socket.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
    Ok(Box::new(UnixEndpoint { listener: UnixListener::from_std(socket)?, path, _file: None }))
}

/// Listens at a path. The file of a socket on which no process listens any more is replaced.
///
/// # Errors
/// One line: which path, and why.
pub(super) fn bind(path: &Path, access: &SocketAccess) -> Result<Box<dyn Endpoint>, String> {
    let bad = |why: &dyn fmt::Display| format!("cannot listen at {}: {why}", path.display());
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(bad(&"there is something else of that name"));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(bad(&"another program listens there"));
        }
        Ok(_) => std::fs::remove_file(path).map_err(|error| bad(&os_error(&error)))?,
        Err(_) => {}
    }
    if *access == SocketAccess::default() {
        let listener = UnixListener::bind(path).map_err(|error| bad(&os_error(&error)))?;
        return Ok(endpoint(listener, SocketFile(path.to_owned())));
    }
    // Bound under another name and renamed, so that nobody can connect before the permissions are set.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let mut file = SocketFile(path.with_file_name(name));
    let listener = UnixListener::bind(&file.0).map_err(|error| bad(&os_error(&error)))?;
    set_access(&file.0, access).map_err(|error| bad(&os_error(&error)))?;
    std::fs::rename(&file.0, path).map_err(|error| bad(&os_error(&error)))?;
    file.0 = path.to_owned();
    Ok(endpoint(listener, file))
}

fn endpoint(listener: UnixListener, file: SocketFile) -> Box<dyn Endpoint> {
    Box::new(UnixEndpoint { listener, path: file.0.clone(), _file: Some(file) })
}

fn set_access(path: &Path, SocketAccess { mode, owner, group }: &SocketAccess) -> Result<(), String> {
    let owner = owner.as_ref().map(user_id).transpose()?;
    let group = group.as_ref().map(group_id).transpose()?;
    if owner.is_some() || group.is_some() {
        std::os::unix::fs::chown(path, owner, group)
            .map_err(|error| format!("its owner or group cannot be changed: {}", os_error(&error)))?;
    }
    let permissions = mode.map(std::fs::Permissions::from_mode);
    permissions
        .map_or(Ok(()), |permissions| std::fs::set_permissions(path, permissions))
        .map_err(|error| error.to_string())
}

fn user_id(id: &SystemId) -> Result<u32, String> {
    let name = match id {
        SystemId::Number(number) => return Ok(*number),
        SystemId::Name(name) => name,
    };
    match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(format!("there is no user {name}; see socket_owner")),
        Err(error) => Err(format!("cannot look up the user {name}: {}", error.desc())),
    }
}

fn group_id(id: &SystemId) -> Result<u32, String> {
    let name = match id {
        SystemId::Number(number) => return Ok(*number),
        SystemId::Name(name) => name,
    };
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(format!("there is no group {name}; see socket_group")),
        Err(error) => Err(format!("cannot look up the group {name}: {}", error.desc())),
    }
}
