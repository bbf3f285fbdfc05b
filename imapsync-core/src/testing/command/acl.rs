//! ACL (RFC 4314): who may do what. The rights are kept and told, not enforced.

use super::Executor;
use crate::testing::mail::{Mail, name_to_wire};
use crate::testing::output::Output;
use crate::testing::syntax::Word;

/// All rights, in the order of the RFC: what the owner of a mailbox has.
const OWNER: &str = "lrswipkxtea";

impl Executor {
    /// GETACL, SETACL, DELETEACL, MYRIGHTS and LISTRIGHTS.
    pub(super) fn acl(&mut self, verb: &str, arguments: &[Word], out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let name = self.resolved(&mail, arguments, 0);
        if mail.usable(&name).is_none() {
            return "NO [NONEXISTENT] no such folder".to_owned();
        }
        let text = |n: usize| arguments.get(n).map(Word::text).filter(|text| !text.is_empty());
        match (verb, text(1), text(2)) {
            ("GETACL", ..) => self.get_acl(&mail, &name, out),
            ("MYRIGHTS", ..) => {
                out.bytes(b"* MYRIGHTS ");
                out.name(&self.to_wire(&name));
                let user = self.user.as_deref().unwrap_or_default();
                out.line(format!(" {}", rights(&mail, &name, user).as_deref().unwrap_or(OWNER)));
            }
            ("LISTRIGHTS", Some(who), _) => {
                out.bytes(b"* LISTRIGHTS ");
                out.name(&self.to_wire(&name));
                let each: Vec<String> = OWNER.chars().map(String::from).collect();
                out.line(format!(" {who} \"\" {}", each.join(" ")));
            }
            ("SETACL", Some(who), Some(change)) => {
                let (sign, letters) = match change.strip_prefix(['+', '-']) {
                    Some(letters) => (&change[..1], letters.to_owned()),
                    None => ("", change.clone()),
                };
                if let Some(no) = letters.chars().find(|right| !"lrswipkxteacd".contains(*right)) {
                    return format!("BAD no such right: {no}");
                }
                let acl = &mut mail.folder(&name).acl;
                let before = acl.get(&who).cloned().unwrap_or_default();
                let after: String = match sign {
                    "+" => {
                        before.chars().chain(letters.chars().filter(|one| !before.contains(*one))).collect()
                    }
                    "-" => before.chars().filter(|one| !letters.contains(*one)).collect(),
                    _ => letters,
                };
                acl.insert(who, after);
            }
            ("DELETEACL", Some(who), _) => {
                mail.folder(&name).acl.remove(&who);
            }
            _ => return "BAD who, and which rights".to_owned(),
        }
        "OK done".to_owned()
    }

    fn get_acl(&self, mail: &Mail, name: &str, out: &mut Output) {
        out.bytes(b"* ACL ");
        out.name(&self.to_wire(name));
        let user = self.user.clone().unwrap_or_default();
        let acl = mail.folders.get(name).map(|folder| folder.acl.clone()).unwrap_or_default();
        if !acl.contains_key(&user) {
            out.bytes(b" ");
            out.name(&name_to_wire(&user));
            out.put(format_args!(" {OWNER}"));
        }
        for (who, rights) in acl {
            out.bytes(b" ");
            out.name(&name_to_wire(&who));
            out.put(format_args!(" {rights}"));
        }
        out.line("");
    }
}

/// The rights that somebody was given.
fn rights(mail: &Mail, name: &str, who: &str) -> Option<String> {
    mail.folders.get(name)?.acl.get(who).cloned()
}
