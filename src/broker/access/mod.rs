//! Authentication and authorization: users and passwords, ACLs, and limits for each client address.

pub(crate) mod accounts;
pub(crate) mod acl;
pub(crate) mod addresses;
pub(crate) mod decision;
pub(crate) mod logins;
pub(crate) mod password;
pub(crate) mod rights;
mod rule;
pub(crate) mod verification;
