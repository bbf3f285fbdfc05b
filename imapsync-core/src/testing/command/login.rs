//! Commands that let somebody in, and the dialogues that span several lines: AUTHENTICATE and IDLE.

use super::sasl::{CHALLENGE, Hash, Scram, cram_md5_proves};
use super::{Executor, Verdict};
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
    OAuthBearer,
    CramMd5,
    ScramFirst(Hash),
    ScramLast(Box<Scram>),
    /// The client has proved itself and seen our proof: an empty line, then OK.
    Proved(Box<Scram>),
    /// A token has failed, the client has been told why: a line that says nothing, then NO.
    Refused,
    Idle,
}

const REFUSAL: &str = "NO [AUTHENTICATIONFAILED] wrong user or password";

impl Executor {
    pub(super) fn login(&mut self, arguments: &[Word]) -> String {
        if self.offers("LOGINDISABLED") {
            return "NO [PRIVACYREQUIRED] not without encryption".to_owned();
        }
        let [user, password] = arguments else { return format!("{} user and password", self.syntax_error()) };
        self.admit(&user.text(), &user.text(), &password.text())
    }

    /// The account of `user` and the password with which `who` may use it; None stands for any.
    fn lock(&self, user: &str, who: &str) -> Option<(Server, Option<String>)> {
        let admin = self.server.mail().admin.clone();
        if let Some((name, password)) = admin
            && name == who
        {
            // In his own name he enters the first account, and may go on from there with PROXYAUTH.
            let server = if user == who { self.server.clone() } else { self.server.account(user)? };
            return Some((server, Some(password)));
        }
        if user != who {
            return None;
        }
        let server = self.server.account(user)?;
        let password = server.mail().password.clone();
        Some((server, password))
    }

    /// Lets `who` in for the mail of `user`, or says why not.
    fn admit(&mut self, user: &str, who: &str, password: &str) -> String {
        match self.lock(user, who) {
            Some((server, right)) if right.as_ref().is_none_or(|right| right == password) => {
                self.enter(server, user, who)
            }
            _ => REFUSAL.to_owned(),
        }
    }

    /// Lets `who` in for the mail of `user`.
    fn enter(&mut self, server: Server, user: &str, who: &str) -> String {
        {
            let mail = self.server.mail();
            if let TurnedAway::Login(text) = mail.quirks.turned_away
                && mail.quirks.connections.is_some_and(|most| mail.open > most)
            {
                return format!("NO {text}");
            }
        }
        self.is_admin = self.server.mail().admin.as_ref().is_some_and(|(name, _)| name == who);
        self.server = server;
        self.user = Some(user.to_owned());
        self.selected = None;
        format!("OK [CAPABILITY {}] welcome", self.capabilities())
    }

    /// PROXYAUTH, as Netscape's and Sun's servers have it: an administrator becomes a user.
    pub(super) fn proxy_auth(&mut self, arguments: &[Word]) -> String {
        let user = arguments.first().map(Word::text).unwrap_or_default();
        match self.first.account(&user) {
            Some(server) if self.is_admin => {
                self.server = server;
                self.user = Some(user);
                self.selected = None;
                "OK you are somebody else now".to_owned()
            }
            _ => "NO [AUTHORIZATIONFAILED] not for you".to_owned(),
        }
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
            "OAUTHBEARER" => Step::OAuthBearer,
            "CRAM-MD5" => Step::CramMd5,
            "SCRAM-SHA-1" => Step::ScramFirst(Hash::Sha1),
            "SCRAM-SHA-256" => Step::ScramFirst(Hash::Sha256),
            _ => return Verdict::Done(format!("{tag} NO no such mechanism")),
        };
        let challenge = match step {
            Step::LoginUser => "VXNlcm5hbWU6".to_owned(),
            Step::CramMd5 => STANDARD.encode(CHALLENGE),
            _ => String::new(),
        };
        let dialogue = Dialogue { tag: tag.to_owned(), step };
        match arguments.get(1) {
            // Where the server speaks first there is no initial response (RFC 4959).
            Some(_) if !self.offers("SASL-IR") && !self.offers("IMAP4rev2") || mechanism == "CRAM-MD5" => {
                Verdict::Done(format!("{tag} BAD no initial response here"))
            }
            Some(initial) => {
                let initial = initial.bytes();
                let bytes = if &initial[..] == b"=" { Vec::new() } else { initial.to_vec() };
                self.line(dialogue, &bytes, &mut Output::default())
            }
            None => {
                self.dialogue = Some(dialogue);
                Verdict::More(format!("+ {challenge}"))
            }
        }
    }

    pub(super) fn idle(&mut self, tag: &str) -> Verdict {
        self.dialogue = Some(Dialogue { tag: tag.to_owned(), step: Step::Idle });
        Verdict::More("+ idling".to_owned())
    }

    /// The account whose changes the client waits for.
    pub(in crate::testing) fn idles(&self) -> Option<&Server> {
        self.dialogue.as_ref().filter(|dialogue| matches!(dialogue.step, Step::Idle)).map(|_| &self.server)
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
            Step::LoginUser => self.goes_on(tag, Step::LoginPassword(text), "Password:"),
            Step::LoginPassword(user) => done(self.admit(&user, &user, &text)),
            Step::XOAuth2 => {
                let part = |name: &str| text.split('\x01').find_map(|part| part.strip_prefix(name));
                let (user, token) = (part("user=").unwrap_or(""), part("auth=Bearer ").unwrap_or(""));
                self.bearer(tag, user, token, r#"{"status":"400","schemes":"bearer","scope":"mail"}"#)
            }
            Step::OAuthBearer => {
                // n,a=user,\x01host=…\x01port=…\x01auth=Bearer …\x01\x01 (RFC 7628)
                let user = text.split(',').find_map(|part| part.strip_prefix("a=")).unwrap_or("");
                let token = text.split('\x01').find_map(|part| part.strip_prefix("auth=Bearer "));
                self.bearer(tag, user, token.unwrap_or(""), r#"{"status":"invalid_token","scope":"mail"}"#)
            }
            Step::CramMd5 => {
                let (user, digest) = text.rsplit_once(' ').unwrap_or_default();
                match self.lock(user, user) {
                    Some((server, Some(password))) if cram_md5_proves(&password, digest) => {
                        done(self.enter(server, user, user))
                    }
                    _ => done(REFUSAL.to_owned()),
                }
            }
            Step::ScramFirst(hash) => match Scram::begin(hash, &text) {
                Some(scram) => {
                    let challenge = scram.challenge().to_owned();
                    self.goes_on(tag, Step::ScramLast(Box::new(scram)), &challenge)
                }
                None => done("BAD that is no first message".to_owned()),
            },
            Step::ScramLast(scram) => {
                let password = self.lock(&scram.user, &scram.who).and_then(|(_, password)| password);
                match password.and_then(|password| scram.end(&text, &password)) {
                    Some(proof) => self.goes_on(tag, Step::Proved(scram), &proof),
                    None => done(REFUSAL.to_owned()),
                }
            }
            Step::Proved(scram) => match self.lock(&scram.user, &scram.who) {
                Some((server, _)) if text.is_empty() => done(self.enter(server, &scram.user, &scram.who)),
                _ => done(REFUSAL.to_owned()),
            },
            Step::Refused | Step::Idle => done("NO [AUTHENTICATIONFAILED] wrong token".to_owned()),
        }
    }

    /// Sends a challenge; the next line is the answer to it.
    fn goes_on(&mut self, tag: String, step: Step, challenge: &str) -> Verdict {
        self.dialogue = Some(Dialogue { tag, step });
        Verdict::More(format!("+ {}", STANDARD.encode(challenge)))
    }

    /// Lets in whoever has this token, or tells why not in the way of the mechanism.
    fn bearer(&mut self, tag: String, user: &str, token: &str, why: &str) -> Verdict {
        let verdict = self.admit(user, user, token);
        if verdict.starts_with("OK") {
            return Verdict::Done(format!("{tag} {verdict}"));
        }
        self.goes_on(tag, Step::Refused, why)
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
            // As the server spells it.
            let spelled = self
                .capabilities()
                .split(' ')
                .find(|one| one.eq_ignore_ascii_case(&word.text()))
                .map(str::to_owned);
            if let Some(name) = spelled {
                self.enabled.insert(name.to_ascii_uppercase());
                enabled = format!("{enabled} {name}");
            }
        }
        out.line(format!("* ENABLED{enabled}"));
        "OK done".to_owned()
    }
}
