//! `skeeter passwd`: what is done to a password file.

mod file;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::exit::{FAILURE, Failure, INPUT, SUCCESS, Status, USAGE};
use crate::broker::{Accounts, Cost, Memory, Method, Secret};
use crate::cli::connect::Dialect;
use crate::cli::passwd::{Hash, PasswdArgs};
use file::{Change, PasswordFile};

/// Iterations that OWASP recommends.
const ITERATIONS: u32 = 210_000;

/// Does what the flags ask for; the status to exit with.
pub(crate) fn run(args: &PasswdArgs) -> u8 {
    let result = match (args.check, args.delete, args.upgrade, args.batch) {
        (true, ..) => check(args),
        (_, true, ..) => delete(args),
        (.., true, _) => upgrade(args),
        (.., true) => batch(args),
        _ => put(args),
    };
    match result {
        Ok(status) => status.code,
        Err(failure) => {
            eprintln!("skeeter passwd: {}", failure.text);
            failure.code_in(args.dialect)
        }
    }
}

fn put(args: &PasswdArgs) -> Result<Status, Failure> {
    let user = valid_name(args.user.as_deref().unwrap_or_default())?;
    // What is wrong with the file is told before anything is asked, and nobody else waits while somebody types.
    drop(open(args)?);
    let password = password(args, true)?;
    let mut file = open(args)?;
    let change = file.put(user, &secret(args, &password)?);
    file.write()?;
    println!("{} {user}", if change == Change::Added { "added" } else { "changed" });
    Ok(SUCCESS)
}

fn delete(args: &PasswdArgs) -> Result<Status, Failure> {
    let user = args.user.as_deref().unwrap_or_default();
    let mut file = PasswordFile::open(&args.file)?;
    if !file.delete(user) {
        let file = args.file.display();
        return Err(Failure::new(FAILURE, format!("{file} holds no user called {user:?}")));
    }
    file.write()?;
    println!("deleted {user}");
    Ok(SUCCESS)
}

fn upgrade(args: &PasswdArgs) -> Result<Status, Failure> {
    let mut file = PasswordFile::open(&args.file)?;
    let count = file.upgrade(|password| secret(args, password.as_bytes()))?;
    file.write()?;
    println!("hashed {count} passwords");
    Ok(SUCCESS)
}

fn batch(args: &PasswdArgs) -> Result<Status, Failure> {
    let mut file = open(args)?;
    let mut count = 0;
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line.map_err(|error| Failure::new(INPUT, format!("cannot read stdin: {error}")))?;
        if line.is_empty() {
            continue;
        }
        // The line is not repeated: it may be a password.
        let expected = || Failure::new(INPUT, format!("line {number} of stdin: expected NAME:PASSWORD"));
        let (user, password) = line.split_once(':').ok_or_else(expected)?;
        let told =
            |failure: Failure| Failure::new(INPUT, format!("line {number} of stdin: {}", failure.text));
        let user = valid_name(user).map_err(told)?;
        not_empty(password.as_bytes()).map_err(told)?;
        file.put(user, &secret(args, password.as_bytes())?);
        count += 1;
    }
    file.write()?;
    println!("wrote {count} users");
    Ok(SUCCESS)
}

fn check(args: &PasswdArgs) -> Result<Status, Failure> {
    let name = args.file.display();
    let bytes = std::fs::read(&args.file);
    let bytes = bytes.map_err(|error| Failure::new(INPUT, format!("cannot read {name}: {error}")))?;
    let accounts = Accounts::parse(&name.to_string(), &bytes).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Failure::new(INPUT, lines.join("\nskeeter passwd: "))
    })?;
    let Some(user) = &args.user else {
        println!("{name}: {} users, no fault", accounts.len());
        return Ok(SUCCESS);
    };
    let password = password(args, false)?;
    if accounts.secret(user).is_some_and(|secret| secret.verify(&password, &mut Memory::default())) {
        println!("right");
        return Ok(SUCCESS);
    }
    // Nobody is told whether it is the name or the password, as the broker tells nobody.
    Err(Failure::new(FAILURE, format!("no user {user:?} with that password is in {name}")))
}

fn open(args: &PasswdArgs) -> Result<PasswordFile, Failure> {
    if args.create { Ok(PasswordFile::new(&args.file)) } else { PasswordFile::open_or_new(&args.file) }
}

/// A name that a password file can hold.
fn valid_name(name: &str) -> Result<&str, Failure> {
    let bad = |why: &str| Err(Failure::new(USAGE, format!("a user name {why}")));
    match name {
        "" => bad("is not empty"),
        name if name.len() > 65_535 => bad("has at most 65,535 bytes"),
        name if name.contains(':') => bad("holds no colon, as that ends it in the file"),
        name if name.starts_with('#') => bad("does not begin with #, as that is a comment in the file"),
        name if name.contains(char::is_control) => bad("holds no control characters"),
        name if name.trim() != name => bad("has no blanks at its ends"),
        name => Ok(name),
    }
}

fn not_empty(password: &[u8]) -> Result<(), Failure> {
    match password {
        [] => Err(Failure::new(USAGE, "the password is empty; give one")),
        _ => Ok(()),
    }
}

/// The password from where the flags say; otherwise from the environment, or asked for, twice if it is a new one.
fn password(args: &PasswdArgs, is_new: bool) -> Result<Vec<u8>, Failure> {
    #[cfg(unix)]
    let descriptor = args.password_fd.map(|number| PathBuf::from(format!("/dev/fd/{number}")));
    #[cfg(not(unix))]
    let descriptor: Option<PathBuf> = None;
    let password = if let Some(password) = &args.password {
        password.clone()
    } else if let Some(path) = args.password_file.clone().or(descriptor) {
        first_line(&path)?
    } else if let Some(password) = std::env::var_os("SKEETER_PASSWORD") {
        let not_text = |_| Failure::new(USAGE, "SKEETER_PASSWORD is not UTF-8");
        password.into_string().map_err(not_text)?
    } else {
        ask(is_new)?
    };
    not_empty(password.as_bytes())?;
    Ok(password.into_bytes())
}

fn first_line(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path);
    let failed =
        |error| Failure::new(INPUT, format!("cannot read the password from {}: {error}", path.display()));
    Ok(text.map_err(failed)?.lines().next().unwrap_or_default().to_owned())
}

fn ask(is_new: bool) -> Result<String, Failure> {
    let failed = |error| {
        let hint = "give it with --password-file, --password-fd or SKEETER_PASSWORD";
        Failure::new(INPUT, format!("cannot ask for the password: {error}; {hint}"))
    };
    let password = rpassword::prompt_password("Password: ").map_err(failed)?;
    if is_new && rpassword::prompt_password("Again: ").map_err(failed)? != password {
        return Err(Failure::new(INPUT, "the two passwords are not the same"));
    }
    Ok(password)
}

/// The password as it is kept, with a new salt.
fn secret(args: &PasswdArgs, password: &[u8]) -> Result<Secret, Failure> {
    let usual = match args.dialect {
        // Whoever calls for mosquitto's program has its broker too.
        Dialect::Mosquitto => Hash::Pbkdf2,
        Dialect::Skeeter => Hash::Argon2id,
    };
    let method = match args.hash.unwrap_or(usual) {
        Hash::Argon2id => {
            let usual = Cost::default();
            Method::Argon2id(Cost { passes: args.iterations.unwrap_or(usual.passes), ..usual })
        }
        Hash::Pbkdf2 => Method::Pbkdf2(args.iterations.unwrap_or(ITERATIONS)),
        Hash::Sha512 => Method::Sha512,
    };
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)
        .map_err(|error| Failure::new(FAILURE, format!("the system gives no random bytes: {error}")))?;
    let len = match method {
        Method::Argon2id(_) => 16,
        // mosquitto before 2.1 takes these alone.
        Method::Pbkdf2(_) | Method::Sha512 => 12,
    };
    Secret::new(method, password, &salt[..len]).map_err(|why| Failure::new(USAGE, why))
}
