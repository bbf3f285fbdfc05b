//! QUOTA (RFC 9208): one root without a name, of which all folders are.

use super::Executor;
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::syntax::Word;

impl Executor {
    pub(super) fn get_quota(&self, arguments: &[Word], out: &mut Output) -> String {
        let mail = self.server.mail();
        let root = arguments.first().map(Word::text).unwrap_or_default();
        if !root.is_empty() || !quota(&mail, out) {
            return "NO [NONEXISTENT] no such root".to_owned();
        }
        "OK done".to_owned()
    }

    pub(super) fn get_quota_root(&self, arguments: &[Word], out: &mut Output) -> String {
        let mail = self.server.mail();
        let name = self.resolved(&mail, arguments, 0);
        if mail.usable(&name).is_none() {
            return "NO [NONEXISTENT] no such folder".to_owned();
        }
        out.bytes(b"* QUOTAROOT ");
        out.name(&self.to_wire(&name));
        out.line(if mail.quota.is_some() { " \"\"" } else { "" });
        quota(&mail, out);
        "OK done".to_owned()
    }
}

/// The QUOTA line, in units of 1024 bytes; false where there is no limit.
fn quota(mail: &Mail, out: &mut Output) -> bool {
    let Some(limit) = mail.quota else { return false };
    out.line(format!("* QUOTA \"\" (STORAGE {} {})", mail.used().div_ceil(1024), limit / 1024));
    true
}
