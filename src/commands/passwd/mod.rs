//! `skeeter passwd`: adds, changes, deletes and verifies users of a password file.

mod file;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::broker::{Accounts, Cost, Memory, Method, StoredPassword};
use crate::cli::connect::Dialect;
use crate::cli::exit::{FAILURE, Failure, INPUT, ProgramName, SUCCESS, Status, USAGE};
use crate::cli::passwd::{Hash, PasswdArgs};
use crate::text::os_error;
use file::{PasswordFile, UserChange};

/// Default iterations of PBKDF2, as recommended by OWASP.
const ITERATIONS: u32 = 210_000;

/// Runs the command and returns its exit status.
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
            let program = ProgramName { subcommand: "passwd", dialect: args.dialect };
            eprintln!("{program}: {}", failure.text);
            failure.code_in(args.dialect)
        }
    }
}

fn put(args: &PasswdArgs) -> Result<Status, Failure> {
    let user = valid_name(args.user.as_deref().unwrap_or_default())?;
    // An error in the file is reported before the prompt; the lock is not held while the user types.
    drop(open(args)?);
    let password = password(args, true)?;
    let mut file = open(args)?;
    let change = file.put(user, &secret(args, &password)?);
    file.write()?;
    println!("{} {user}", if change == UserChange::Added { "added" } else { "changed" });
    Ok(SUCCESS)
}

fn delete(args: &PasswdArgs) -> Result<Status, Failure> {
    let user = args.user.as_deref().unwrap_or_default();
    let mut file = PasswordFile::open(&args.file)?;
    if !file.delete(user) {
        let file = args.file.display();
        return Err(Failure::new(FAILURE, format!("{file} has no user {user:?}")));
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
        let line =
            line.map_err(|error| Failure::new(INPUT, format!("cannot read stdin: {}", os_error(&error))))?;
        if line.is_empty() {
            continue;
        }
        // The line is not quoted: it may be a password.
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
    let bytes =
        bytes.map_err(|error| Failure::new(INPUT, format!("cannot read {name}: {}", os_error(&error))))?;
    let accounts = Accounts::parse(&name.to_string(), &bytes).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Failure::new(INPUT, lines.join("\nskeeter passwd: "))
    })?;
    let Some(user) = &args.user else {
        println!("{name}: {} users, no errors", accounts.len());
        return Ok(SUCCESS);
    };
    let password = password(args, false)?;
    if accounts.secret(user).is_some_and(|secret| secret.verify(&password, &mut Memory::default())) {
        println!("the password is correct");
        return Ok(SUCCESS);
    }
    // Like the broker, it does not say which of the two is wrong.
    Err(Failure::new(FAILURE, format!("{name}: wrong username or password")))
}

fn open(args: &PasswdArgs) -> Result<PasswordFile, Failure> {
    if args.create { Ok(PasswordFile::new(&args.file)) } else { PasswordFile::open_or_new(&args.file) }
}

/// Checks that a password file can contain this username.
fn valid_name(name: &str) -> Result<&str, Failure> {
    let bad = |why: &str| Err(Failure::new(USAGE, format!("the username must not {why}")));
    match name {
        "" => bad("be empty"),
        name if name.len() > 65_535 => bad("be longer than 65,535 bytes"),
        name if name.contains(':') => bad("contain a colon, which separates it from the password"),
        name if name.starts_with('#') => bad("start with #, which starts a comment"),
        name if name.contains(char::is_control) => bad("contain control characters"),
        name if name.trim() != name => bad("start or end with whitespace"),
        name => Ok(name),
    }
}

fn not_empty(password: &[u8]) -> Result<(), Failure> {
    match password {
        [] => Err(Failure::new(USAGE, "the password must not be empty")),
        _ => Ok(()),
    }
}

/// The password from a flag or the environment, or from a prompt; a new password is prompted for twice.
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
    let failed = |error| {
        Failure::new(INPUT, format!("cannot read the password from {}: {}", path.display(), os_error(&error)))
    };
    Ok(text.map_err(failed)?.lines().next().unwrap_or_default().to_owned())
}

fn ask(is_new: bool) -> Result<String, Failure> {
    let failed = |error| {
        let hint = "use --password-file, --password-fd or SKEETER_PASSWORD";
        Failure::new(INPUT, format!("cannot prompt for the password: {}; {hint}", os_error(&error)))
    };
    let password = rpassword::prompt_password("Password: ").map_err(failed)?;
    if is_new && rpassword::prompt_password("Repeat password: ").map_err(failed)? != password {
        return Err(Failure::new(INPUT, "the passwords do not match"));
    }
    Ok(password)
}

/// Hashes a password with a new salt.
fn secret(args: &PasswdArgs, password: &[u8]) -> Result<StoredPassword, Failure> {
    let usual = match args.dialect {
        // Whoever runs mosquitto_passwd probably runs mosquitto, which supports this since 2.0.
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
    getrandom::fill(&mut salt).map_err(|error| {
        Failure::new(FAILURE, format!("cannot get random bytes from the system: {}", os_error(&error)))
    })?;
    let len = match method {
        Method::Argon2id(_) => 16,
        // mosquitto before 2.1 requires this length.
        Method::Pbkdf2(_) | Method::Sha512 => 12,
    };
    StoredPassword::new(method, password, &salt[..len]).map_err(|why| Failure::new(USAGE, why))
}
