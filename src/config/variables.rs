//! `${NAME}` in values: taken from the secrets file, if there is one, or the environment.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The content of the secrets file.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Adds the `NAME=VALUE` lines of a file. Empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// The number of a line, and what is wrong with it. No value is repeated.
    pub(super) fn read(&mut self, text: &str) -> Result<(), (usize, &'static str)> {
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or((number, "expected NAME=VALUE"))?;
            if !is_name(name.trim()) {
                return Err((number, "a name consists of letters, digits and _"));
            }
            self.0.insert(name.trim().to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// Replaces each `${NAME}`; `$${` stands for `${` itself.
    ///
    /// # Errors
    /// Which variable is not set, or what is not the name of one.
    pub(super) fn expand<'a>(
        &self,
        value: &'a str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Cow<'a, str>, String> {
        if !value.contains("${") {
            return Ok(value.into());
        }
        let (mut out, mut rest) = (String::new(), value);
        while let Some(at) = rest.find("${") {
            let (before, after) = (&rest[..at], &rest[at + 2..]);
            out += before;
            rest = after;
            if before.ends_with('$') {
                out += "{";
                continue;
            }
            let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
            let name = name.ok_or("expected ${NAME}; write $${ for ${ itself")?;
            let found = self.0.get(name).cloned().or_else(|| environment(name));
            out += &found.ok_or_else(|| {
                format!("the variable {name} is not set; set it in the environment or in secrets_file, or write $${{ for ${{")
            })?;
            rest = &after[name.len() + 1..];
        }
        Ok((out + rest).into())
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn variables_come_from_the_secrets_or_else_the_environment() {
        let mut secrets = Secrets::default();
        secrets.read("# comment\n\nPW=a=b c\nBOTH=secret\n").unwrap();
        let environment = |name: &str| match name {
            "HOST" => Some("example.org".to_owned()),
            "BOTH" => Some("environment".to_owned()),
            "TWICE" => Some("${PW}".to_owned()),
            _ => None,
        };
        for (value, expected) in [
            ("plain $SYS/# $", "plain $SYS/# $"),
            ("${PW}", "a=b c"),
            ("x${HOST}:${BOTH}y", "xexample.org:secrety"),
            ("$${PW} $${", "${PW} ${"),
            ("a$${HOST}${HOST}", "a${HOST}example.org"),
            ("${TWICE}", "${PW}"),
        ] {
            assert_eq!(secrets.expand(value, environment).unwrap(), expected, "{value}");
        }
        for value in ["${", "${}", "${A B}", "${1}", "${PW", "x${UNSET}"] {
            assert!(secrets.expand(value, environment).is_err(), "{value}");
        }
        assert_eq!(Secrets::default().read("A=1\nB\n").unwrap_err().0, 2);
        assert_eq!(Secrets::default().read("a b=1\n").unwrap_err().0, 1);
    }
}
