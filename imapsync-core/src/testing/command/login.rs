//! Commands that let somebody in, and the dialogues that span several lines: AUTHENTICATE and IDLE.

use super::{Executor, Verdict};
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::quirks::TurnedAway;
use crate::testing::server::Server;
use crate::testing::syntax::Word;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the next line of the client belongs to.
#[derive(Debug, Clone)]
pub(in crate::testing) struct Dialogue {
    tag: String,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    Plain,
    LoginUser,
    LoginPassword(String),
    XOAuth2,
    /// XOAUTH2 has failed, the client has been told why: an empty line, then NO.
    Refused,
    Idle,
}

impl Executor {
    pub(super) fn login(&mut self, arguments: &[Word]) -> String {
        if self.offers("LOGINDISABLED") {
            return "NO [PRIVACYREQUIRED] not without encryption".to_owned();
        }
        let [user, password] = arguments else { return format!("{} user and password", self.syntax_error()) };
        self.admit(&user.text(), &user.text(), &password.text())
    }

    /// Lets `who` in for the mail of `user`, or says why not.
    fn admit(&mut self, user: &str, who: &str, password: &str) -> String {
        let refusal = "NO [AUTHENTICATIONFAILED] wrong user or password".to_owned();
        let Some(server) = self.server.account(user) else { return refusal };
        let right = {
            let mail = server.mail();
            if who == user { own(&mail, password) } else { of_admin(&mail, who, password) }
        };
        if !right {
            return refusal;
        }
        {
            let mail = self.server.mail();
            if let TurnedAway::Login(text) = mail.quirks.turned_away
                && mail.quirks.connections.is_some_and(|most| mail.open > most)
            {
                return format!("NO {text}");
            }
        }
        self.enter(server, user);
        format!("OK [CAPABILITY {}] welcome", self.capabilities())
    }

    fn enter(&mut self, server: Server, user: &str) {
        self.server = server;
        self.user = Some(user.to_owned());
        self.selected = None;
    }

    pub(super) fn authenticate(&mut self, tag: &str, arguments: &[Word]) -> Verdict {
        let mechanism = arguments.first().map(Word::keyword).unwrap_or_default();
        if !self.offers(&format!("AUTH={mechanism}")) {
            return Verdict::Done(format!("{tag} NO no such mechanism"));
        }
        let step = match mechanism.as_str() {
            "PLAIN" => Step::Plain,
            "LOGIN" => Step::LoginUser,
            "XOAUTH2" => Step::XOAuth2,
            _ => return Verdict::Done(format!("{tag} NO no such mechanism")),
        };
        let dialogue = Dialogue { tag: tag.to_owned(), step };
        match arguments.get(1) {
            Some(initial) if self.offers("SASL-IR") => {
                let initial = initial.bytes();
                let bytes = if &initial[..] == b"=" { Vec::new() } else { initial.to_vec() };
                self.line(dialogue, &bytes, &mut Output::default())
            }
            Some(_) => Verdict::Done(format!("{tag} BAD no initial response here")),
            None => {
                let challenge = if mechanism == "LOGIN" { "+ VXNlcm5hbWU6" } else { "+ " };
                self.dialogue = Some(dialogue);
                Verdict::More(challenge.to_owned())
            }
        }
    }

    pub(super) fn idle(&mut self, tag: &str) -> Verdict {
        self.dialogue = Some(Dialogue { tag: tag.to_owned(), step: Step::Idle });
        Verdict::More("+ idling".to_owned())
    }

    /// Takes the next line of a dialogue.
    pub(in crate::testing) fn line(&mut self, dialogue: Dialogue, line: &[u8], out: &mut Output) -> Verdict {
        let Dialogue { tag, step } = dialogue;
        let done = |text: String| Verdict::Done(format!("{tag} {text}"));
        if matches!(step, Step::Idle) {
            if !line.eq_ignore_ascii_case(b"DONE") {
                return done("BAD that is no DONE".to_owned());
            }
            self.news(out, true);
            return done("OK done".to_owned());
        }
        if line == b"*" {
            return done("BAD cancelled".to_owned());
        }
        let Ok(decoded) = STANDARD.decode(line) else { return done("BAD that is no base64".to_owned()) };
        let text = String::from_utf8_lossy(&decoded).into_owned();
        match step {
            Step::Plain => {
                let parts: Vec<&str> = text.split('\0').collect();
                let [user, who, password] = parts[..] else {
                    return done("BAD three parts".to_owned());
                };
                let user = if user.is_empty() { who } else { user };
                done(self.admit(user, who, password))
            }
            Step::LoginUser => {
                self.dialogue = Some(Dialogue { tag: tag.clone(), step: Step::LoginPassword(text) });
                Verdict::More("+ UGFzc3dvcmQ6".to_owned())
            }
            Step::LoginPassword(user) => done(self.admit(&user, &user, &text)),
            Step::XOAuth2 => {
                let part = |name: &str| text.split('\x01').find_map(|part| part.strip_prefix(name));
                let (user, token) = (part("user=").unwrap_or(""), part("auth=Bearer ").unwrap_or(""));
                let verdict = self.admit(user, user, token);
                if verdict.starts_with("OK") {
                    return done(verdict);
                }
                self.dialogue = Some(Dialogue { tag: tag.clone(), step: Step::Refused });
                let why = STANDARD.encode(r#"{"status":"400","schemes":"bearer","scope":"mail"}"#);
                Verdict::More(format!("+ {why}"))
            }
            Step::Refused | Step::Idle => done("NO [AUTHENTICATIONFAILED] wrong token".to_owned()),
        }
    }

    pub(super) fn id(&self, out: &mut Output) -> String {
        if !self.offers("ID") {
            return format!("{} what", self.syntax_error());
        }
        out.line("* ID (\"name\" \"imapsync test server\")");
        "OK done".to_owned()
    }

    pub(super) fn enable(&mut self, arguments: &[Word], out: &mut Output) -> String {
        let mut enabled = String::new();
        for word in arguments {
            let name = word.keyword();
            if self.offers(&name) {
                enabled = format!("{enabled} {name}");
                self.enabled.insert(name);
            }
        }
        out.line(format!("* ENABLED{enabled}"));
        "OK done".to_owned()
    }
}

fn own(mail: &Mail, password: &str) -> bool {
    mail.password.as_ref().is_none_or(|right| right == password)
}

fn of_admin(mail: &Mail, who: &str, password: &str) -> bool {
    mail.admin.as_ref().is_some_and(|(name, right)| name == who && right == password)
}
