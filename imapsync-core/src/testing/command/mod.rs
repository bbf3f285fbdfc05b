//! What each command does to the mail, and the answer to it. One file for each group of commands.

mod acl;
mod append;
mod change;
mod fetch;
mod flags;
mod folders;
mod items;
mod keys;
mod list;
mod login;
mod news;
mod quota;
mod sasl;
mod search;
mod select;
mod status;

use super::mail::Mail;
use super::output::Output;
use super::server::Server;
use super::session::Command;
use super::syntax::Word;
use super::wire::Security;
use login::Dialogue;
use select::Selected;
use std::collections::BTreeSet;

/// The state of one connection.
#[derive(Clone)]
pub(super) struct Executor {
    /// What the connection leads to: knows all accounts.
    first: Server,
    /// The account; before login the one that the server was made with.
    server: Server,
    user: Option<String>,
    /// Whether an administrator has logged in, in his own name or for the user.
    is_admin: bool,
    security: Security,
    compressed: bool,
    selected: Option<Selected>,
    /// Capabilities that were enabled (RFC 5161), and CONDSTORE once it was asked for.
    enabled: BTreeSet<String>,
    /// What the next line of the client is, where it is no command.
    dialogue: Option<Dialogue>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) enum Verdict {
    /// With this tagged line.
    Done(String),
    /// With this line, the last one on the connection.
    Last(String),
    /// With a continuation: the next line belongs to it.
    More(String),
    /// With this line, then TLS.
    StartTls(String),
    /// With this line, then compression.
    Compress(String),
}

impl Verdict {
    /// The line to send, without its end.
    pub(super) fn line(&self) -> Option<&str> {
        match self {
            Self::Done(line)
            | Self::Last(line)
            | Self::More(line)
            | Self::StartTls(line)
            | Self::Compress(line) => Some(line),
        }
    }
}

impl Executor {
    pub(super) fn new(server: Server, security: Security) -> Self {
        Self {
            first: server.clone(),
            server,
            user: None,
            is_admin: false,
            security,
            compressed: false,
            selected: None,
            enabled: BTreeSet::new(),
            dialogue: None,
        }
    }

    /// TLS protects the connection from now on.
    pub(super) fn secured(&mut self) {
        self.security = Security::Tls;
    }

    /// What a syntax error is answered with.
    pub(super) fn syntax_error(&self) -> &'static str {
        if self.server.mail().quirks.no_for_bad { "NO" } else { "BAD" }
    }

    /// What the next line belongs to, where it is no command.
    pub(super) fn takes_line(&mut self) -> Option<Dialogue> {
        self.dialogue.take()
    }

    /// An answer that is still empty.
    pub(super) fn output(&self) -> Output {
        if self.user.is_none() || !self.server.mail().quirks.noise {
            return Output::default();
        }
        Output::noisy(self.selected.as_ref().map(|selected| selected.known.len()))
    }

    /// The folder that an argument names, unless it is the selected one.
    pub(super) fn unselected(&self, argument: &Word) -> Option<String> {
        let name = self.server.mail().resolve(&self.name_of(argument));
        self.selected.as_ref().is_none_or(|selected| selected.name != name).then_some(name)
    }

    /// Does what the command says.
    pub(super) fn execute(&mut self, command: &Command, out: &mut Output) -> Verdict {
        let word = |n: usize| command.words.get(n).map(Word::keyword).unwrap_or_default();
        let uid = word(0) == "UID";
        let (verb, rest) = if uid { (word(1), 2) } else { (word(0), 1) };
        let arguments = command.words.get(rest..).unwrap_or_default();
        let tag = command.tag.as_str();
        match verb.as_str() {
            "LOGOUT" => {
                out.line("* BYE good bye");
                return Verdict::Last(format!("{tag} OK done"));
            }
            "AUTHENTICATE" | "LOGIN" if self.user.is_some() => {
                return Verdict::Done(format!("{tag} BAD somebody is logged in already"));
            }
            "AUTHENTICATE" => return self.authenticate(tag, arguments),
            "STARTTLS" if self.user.is_none() && self.offers("STARTTLS") => {
                return Verdict::StartTls(format!("{tag} OK go on"));
            }
            "COMPRESS" if word(1) == "DEFLATE" && self.offers("COMPRESS=DEFLATE") => {
                if self.compressed {
                    return Verdict::Done(format!("{tag} NO [COMPRESSIONACTIVE] it is compressed already"));
                }
                self.compressed = true;
                return Verdict::Compress(format!("{tag} OK go on"));
            }
            "IDLE" if self.offers("IDLE") => return self.idle(tag),
            _ => {}
        }
        let text = match verb.as_str() {
            "CAPABILITY" => {
                out.line(format!("* CAPABILITY {}", self.capabilities()));
                "OK done".to_owned()
            }
            "LOGIN" => self.login(arguments),
            "NOOP" | "CHECK" => {
                self.news(out, true);
                "OK done".to_owned()
            }
            "ID" => self.id(out),
            _ if self.user.is_none() => format!("{} not now", self.syntax_error()),
            "PROXYAUTH" if self.is_admin => self.proxy_auth(arguments),
            "NAMESPACE" if self.offers("NAMESPACE") => self.namespace(out),
            "ENABLE" if self.offers("ENABLE") => self.enable(arguments, out),
            "LIST" => self.list(arguments, out),
            "LSUB" => self.lsub(arguments, out),
            "GETQUOTA" if self.offers_quota() => self.get_quota(arguments, out),
            "GETQUOTAROOT" if self.offers_quota() => self.get_quota_root(arguments, out),
            "GETACL" | "SETACL" | "DELETEACL" | "MYRIGHTS" | "LISTRIGHTS" if self.offers("ACL") => {
                self.acl(&verb, arguments, out)
            }
            "STATUS" => self.status(arguments, out),
            "CREATE" => self.create(arguments),
            "DELETE" => self.delete(arguments),
            "RENAME" => self.rename(arguments),
            "SUBSCRIBE" => self.subscribe(arguments, true),
            "UNSUBSCRIBE" => self.subscribe(arguments, false),
            "SELECT" => self.select(arguments, true, out),
            "EXAMINE" => self.select(arguments, false, out),
            "CLOSE" => self.close(true),
            "UNSELECT" if self.offers("UNSELECT") => self.close(false),
            "APPEND" => self.append(arguments, out),
            "FETCH" => self.fetch(arguments, uid, out),
            "SEARCH" => self.search(tag, arguments, uid, out),
            "STORE" => self.store(arguments, uid, out),
            "EXPUNGE" => self.expunge(arguments, uid, out),
            "COPY" => self.copy(arguments, uid, false, out),
            "MOVE" if self.offers("MOVE") => self.copy(arguments, uid, true, out),
            _ => format!("{} what", self.syntax_error()),
        };
        Verdict::Done(format!("{tag} {}", self.said(text)))
    }

    /// What the server says, in its own way.
    fn said(&self, text: String) -> String {
        let mail = self.server.mail();
        if let Some(rest) = text.strip_prefix("BAD").filter(|_| mail.quirks.no_for_bad) {
            return format!("NO{rest}");
        }
        let coded = text.strip_prefix("NO [").and_then(|rest| rest.split_once("] "));
        match coded {
            Some(("NONEXISTENT" | "ALREADYEXISTS" | "CANNOT" | "EXPUNGEISSUED", text))
                if mail.quirks.bare_refusals =>
            {
                format!("NO {text}")
            }
            _ => text,
        }
    }

    fn offers(&self, capability: &str) -> bool {
        let capabilities = self.capabilities();
        capabilities.split(' ').any(|one| one.eq_ignore_ascii_case(capability))
    }

    fn offers_quota(&self) -> bool {
        self.capabilities().split(' ').any(|one| one == "QUOTA" || one.starts_with("QUOTA="))
    }

    fn capabilities(&self) -> String {
        let mail = self.server.mail();
        let all = match &mail.first_capabilities {
            Some(first) if self.user.is_none() => first,
            _ => &mail.capabilities,
        };
        let still = |one: &&str| match *one {
            "STARTTLS" => self.security == Security::StartTls,
            "LOGINDISABLED" => self.security != Security::Tls,
            _ => true,
        };
        all.split(' ').filter(still).collect::<Vec<_>>().join(" ")
    }

    /// Whether IMAP4rev2 has been enabled, or is all that the server speaks (RFC 9051).
    fn is_rev2(&self) -> bool {
        self.enabled.contains("IMAP4REV2")
    }

    /// The mailbox name of an argument, as it is kept.
    fn mailbox(&self, arguments: &[Word], n: usize) -> String {
        arguments.get(n).map(|word| self.name_of(word)).unwrap_or_default()
    }

    /// The name under which the account keeps the mailbox of an argument.
    fn resolved(&self, mail: &Mail, arguments: &[Word], n: usize) -> String {
        mail.resolve(&self.mailbox(arguments, n))
    }
}
