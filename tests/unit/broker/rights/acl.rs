//! What files of rules say, and what is wrong in others.

use super::{Acl, TopicAccess, Who};

fn who(client: &str, username: Option<&str>) -> Who {
    Who { client: client.into(), username: username.map(Into::into), listener: 0 }
}

const FILE: &str = "\
# Clients without a name
topic read public/#
topic deny public/internal/#
topic readwrite chat room/1
topic readwrite read

user ann
topic #
topic deny ann/secret
topic write drop/+
\tuser bob smith \r
topic write a/b
topic write a/+
topic read $SYS/#

pattern readwrite clients/%c/#
pattern read users/%u/+
pattern deny users/eve/#
pattern write open/#
";

/// Client, user name, topic, whether it may be read, and written.
type Case = (&'static str, Option<&'static str>, &'static str, bool, bool);

const CASES: &[Case] = &[
    ("c", None, "public/a", true, false),
    ("c", None, "public", true, false),
    ("c", None, "public/internal", false, false),
    ("c", None, "public/internal/a", false, false),
    ("c", None, "chat room/1", true, true),
    ("c", None, "read", true, true),
    ("c", None, "ann/secret", false, false),
    ("c", Some("ann"), "public/internal/a", true, true),
    ("c", Some("ann"), "ann/secret", false, false),
    ("c", Some("ann"), "$SYS/broker/uptime", false, false),
    ("c", Some("bob smith"), "$SYS/broker/uptime", true, false),
    ("c", Some("bob smith"), "a/b", false, true),
    ("c", Some("bob smith"), "a/b/c", false, false),
    ("c", Some("bob smith"), "public/a", false, false),
    ("c", Some("eve"), "users/eve/a", false, false),
    ("c", Some("eve"), "users/dan/a", false, false),
    ("c", Some("dan"), "users/dan/a", true, false),
    ("c", Some("dan"), "users/dan/a/b", false, false),
    ("c", Some("dan"), "clients/c/x", true, true),
    ("c", Some("dan"), "clients/d/x", false, false),
    ("c", Some("dan"), "open/a", false, true),
    // These names would open more than a pattern says.
    ("+", None, "clients/d/x", false, false),
    ("#", None, "clients/d/x", false, false),
    ("c", Some("#"), "open/a", false, false),
    ("+", None, "open/a", false, false),
    ("+", None, "public/a", true, false),
    ("+", Some("ann"), "anything", true, true),
    ("a/b", None, "clients/a/b/x", false, false),
    ("a/b", None, "open/a", false, true),
];

#[test]
fn rules_say_who_may_do_what() {
    let acl = Acl::parse("acl", FILE.as_bytes()).unwrap();
    for &(client, username, topic, read, write) in CASES {
        let who = who(client, username);
        for (access, expected) in [(TopicAccess::Read, read), (TopicAccess::Write, write)] {
            let denial = acl.deny(&who, access, topic);
            assert_eq!(denial.is_none(), expected, "{client} {username:?} {access:?} {topic}: {denial:?}");
        }
        assert!(!read || acl.could_read(&who, topic), "{client} {username:?} {topic}");
    }
}

#[test]
fn a_denial_names_its_rule() {
    let acl = Acl::parse("/etc/acl", FILE.as_bytes()).unwrap();
    let why = |who: &Who, topic| acl.deny(who, TopicAccess::Read, topic).unwrap().to_string();
    assert_eq!(why(&who("c", Some("ann")), "ann/secret"), "/etc/acl:9: topic deny ann/secret");
    assert_eq!(why(&who("c", Some("eve")), "users/eve/a"), "/etc/acl:18: pattern deny users/eve/#");
    assert_eq!(why(&who("c", None), "x"), "no rule of /etc/acl allows it");
    assert!(why(&who("+", None), "x").contains("holds + or #"));
}

#[test]
fn a_filter_under_which_nothing_can_be_read_is_known() {
    let acl = Acl::parse("acl", FILE.as_bytes()).unwrap();
    for (client, username, filter, expected) in [
        ("c", None, "#", true),
        ("c", None, "public/+", true),
        ("c", None, "public/internal/#", false),
        ("c", None, "private/#", false),
        ("c", None, "+/internal/x", false),
        ("c", None, "+/1", true),
        ("c", Some("ann"), "ann/secret", false),
        ("c", Some("ann"), "ann/+", true),
        ("c", Some("ann"), "$SYS/#", false),
        ("c", Some("bob smith"), "$SYS/broker/+", true),
        ("c", Some("bob smith"), "a/b", false),
        ("c", Some("eve"), "users/#", false),
        ("c", Some("dan"), "users/#", true),
        ("d", Some("dan"), "clients/c/#", false),
        ("d", Some("dan"), "clients/+/x", true),
        ("+", Some("dan"), "clients/+/x", false),
    ] {
        assert_eq!(
            acl.could_read(&who(client, username), filter),
            expected,
            "{client} {username:?} {filter}"
        );
    }
}

#[test]
fn every_fault_of_a_file_is_told_with_its_line() {
    let text = b"\xEF\xBB\xBFtopic a\ntopic\ntopic list a\nuser\nuser \npattern read a/#/b\nusers ann\ntopic read $share/g/a\n\xFF\ntopic read\n";
    let faults = Acl::parse("acl", text).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9], "{faults:?}");
    assert!(faults[1].to_string().starts_with("acl:3: \"list\" is no right; those are"), "{}", faults[1]);
}

#[test]
fn a_line_that_cannot_be_read_closes_what_it_could_have_denied() {
    let text = "topic open\nuser ann\ntopic read a/#\ntopic dney a/secret\nuser bob\ntopic read b\nuser\ntopic read b/more\n";
    let denied = |acl: &Acl, name, topic| acl.deny(&who("c", name), TopicAccess::Read, topic).is_some();
    let (acl, faults) = Acl::parse_valid("acl", text.as_bytes());
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [4, 7]);
    let why = acl.deny(&who("c", Some("ann")), TopicAccess::Read, "a/b").unwrap();
    assert_eq!(why.to_string(), "acl:4: the line cannot be read, and might deny it");
    assert!(!acl.could_read(&who("c", Some("ann")), "a/#"));
    assert!(!denied(&acl, Some("bob"), "b") && !denied(&acl, None, "open"));
    assert!(denied(&acl, Some("bob"), "b/more"), "a rule of nobody is not that of the user before");
    let text = "user ann\ntopic read a\npattern read %u/#\npattern read $share/g/x\n";
    let (acl, faults) = Acl::parse_valid("acl", text.as_bytes());
    assert_eq!(faults.len(), 1);
    assert!(!denied(&acl, Some("ann"), "a"), "own rules come before patterns");
    assert!(denied(&acl, Some("ann"), "ann/x") && denied(&acl, Some("bob"), "bob/x"));
}

/// Bytes put in, taken out and changed by chance, from a seed.
pub(crate) fn mutations(text: &[u8], count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(move |seed| {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below.max(1)
        };
        let mut bytes = text.to_vec();
        for _ in 0..=next(8) {
            let at = next(bytes.len());
            match next(4) {
                0 => drop(bytes.drain(at..(at + next(40)).min(bytes.len()))),
                1 => bytes.insert(at, b"\0\n#+/%$:=,\xFF uct"[next(15)]),
                2 if at < bytes.len() => bytes[at] = u8::try_from(next(256)).unwrap(),
                _ => bytes.extend_from_within(at..(at + next(60)).min(bytes.len())),
            }
        }
        bytes
    })
}

#[test]
fn damaged_files_are_read_or_refused_with_lines() {
    let (mut read, mut refused) = (0, 0);
    for bytes in mutations(FILE.as_bytes(), 5_000) {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        match Acl::parse("acl", &bytes) {
            Ok(acl) => {
                read += 1;
                for (client, username) in [("c", None), ("+", Some("ann")), ("a/b", Some("%c"))] {
                    let who = who(client, username);
                    for topic in ["public/a", "$SYS/x", "", "clients/a/b/x", "/"] {
                        let _ = acl.deny(&who, TopicAccess::Read, topic);
                        let _ = acl.could_read(&who, "+/#");
                    }
                }
            }
            Err(faults) => {
                refused += 1;
                assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)) && !faults.is_empty());
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}
