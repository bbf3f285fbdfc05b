//! The ways in: the examples of the RFCs with the server's own words.

use crate::transcript::{Talk, clean};
use imapsync_core::testing::Server;

const ALL: &str = "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=CRAM-MD5 \
    AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256";

/// A server with one user, and his password.
fn server(user: &str, password: &str) -> Server {
    let server = Server::new(ALL);
    server.mail().user = Some(user.to_owned());
    server.mail().password = Some(password.to_owned());
    server
}

/// Plays it on a fresh connection, the greeting apart; what follows `OK` in the welcome is the capabilities.
async fn plays(server: &Server, script: &str) {
    let welcome = format!("OK [CAPABILITY {ALL}] welcome");
    Talk::to(server).plays(&format!("S: * OK ready\n{}", script.replace("WELCOME", &welcome))).await;
}

/// RFC 5802, section 5; the base64 was made with openssl.
#[tokio::test(start_paused = true)]
async fn scram_sha_1() {
    let server = server("user", "pencil");
    plays(
        &server,
        "C: a AUTHENTICATE SCRAM-SHA-1 biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM
         S: + cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==
         C: Yz1iaXdzLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdMM3JmY05IWUpZMVpWdldWczdqLHA9djBYOHYzQnoyVDBDSkdiSlF5RjBYK0hJNFRzPQ==
         S: + dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9
         C: 
         S: a WELCOME",
    )
    .await;
    clean(&server);
}

/// RFC 7677, section 3.
#[tokio::test(start_paused = true)]
async fn scram_sha_256() {
    let server = server("user", "pencil");
    let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let proof = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    let script = format!(
        "C: a AUTHENTICATE SCRAM-SHA-256\nS: + \nC: {}\nS: + {}\nC: {}\nS: + {}\nC: \nS: a WELCOME",
        base64(first),
        base64(challenge),
        base64(last),
        base64(proof)
    );
    plays(&server, &script).await;
    // The same with another password: the proof is none.
    server.mail().password = Some("pen".to_owned());
    let script = format!(
        "C: a AUTHENTICATE SCRAM-SHA-256 {}\nS: + {}\nC: {}\nS: a NO [AUTHENTICATIONFAILED] wrong user or password",
        base64(first),
        base64(challenge),
        base64(last)
    );
    plays(&server, &script).await;
    clean(&server);
}

/// RFC 2195, section 2.
#[tokio::test(start_paused = true)]
async fn cram_md5() {
    let server = server("tim", "tanstaaftanstaaf");
    plays(
        &server,
        "C: a AUTHENTICATE CRAM-MD5
         S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+
         C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
         S: a WELCOME",
    )
    .await;
    clean(&server);
}

/// RFC 7628, section 4.1 and 4.3, with another token.
#[tokio::test(start_paused = true)]
async fn bearer_tokens() {
    let rfc = server("user@example.com", "vF9dft4qmT");
    let good = base64(
        "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmT\x01\x01",
    );
    let bad = base64("n,a=user@example.com,\x01auth=Bearer old\x01\x01");
    plays(&rfc, &format!("C: a AUTHENTICATE OAUTHBEARER {good}\nS: a WELCOME")).await;
    let why = base64(r#"{"status":"invalid_token","scope":"mail"}"#);
    let script = format!(
        "C: a AUTHENTICATE OAUTHBEARER {bad}\nS: + {why}\nC: AQ==\nS: a NO [AUTHENTICATIONFAILED] wrong token"
    );
    plays(&rfc, &script).await;
    // Google's older one: the example of its documentation.
    let google = server("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
    plays(
        &google,
        "C: a AUTHENTICATE XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==
         S: a WELCOME",
    )
    .await;
    clean(&rfc);
    clean(&google);
}

/// An administrator logs in for a user: the authorisation identity of PLAIN (RFC 4616), or PROXYAUTH.
#[tokio::test(start_paused = true)]
async fn administrators() {
    let server = server("alice", "secret");
    server.mail().admin = Some(("root".to_owned(), "toor".to_owned()));
    let bob = server.add_account("bob", "pass");
    bob.mail().folder("Bob's");
    let list = "C: b LIST \"\" B*\nS: * LIST () \"/\" \"Bob's\"\nS: b OK done";
    let plain = |text: &str| format!("C: a AUTHENTICATE PLAIN {}\n", base64(text));
    plays(&server, &format!("{}S: a WELCOME\n{list}", plain("bob\0root\0toor"))).await;
    let refused = "S: a NO [AUTHENTICATIONFAILED] wrong user or password";
    for wrong in ["bob\0root\0pass", "bob\0alice\0secret", "carol\0root\0toor", "bob\0bob\0toor"] {
        plays(&server, &format!("{}{refused}", plain(wrong))).await;
    }
    plays(
        &server,
        &format!("C: a LOGIN root toor\nS: a WELCOME\nC: p PROXYAUTH bob\nS: p OK you are somebody else now\n{list}"),
    )
    .await;
    let not = "NO [AUTHORIZATIONFAILED] not for you";
    plays(&server, &format!("C: a LOGIN root toor\nS: a WELCOME\nC: p PROXYAUTH carol\nS: p {not}")).await;
    plays(&server, "C: a LOGIN bob pass\nS: a WELCOME\nC: p PROXYAUTH alice\nS: p BAD what").await;
    clean(&server);
}

#[tokio::test(start_paused = true)]
async fn a_dialogue_can_be_cancelled() {
    let server = server("alice", "secret");
    plays(&server, "C: a AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: *\nS: a BAD cancelled").await;
    plays(
        &server,
        "C: a AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC: c2VjcmV0\nS: a WELCOME
         C: b LOGIN alice secret\nS: b BAD somebody is logged in already",
    )
    .await;
    plays(&server, "C: a AUTHENTICATE LOGIN YWxpY2U=\nS: + UGFzc3dvcmQ6\nC: c2VjcmV0\nS: a WELCOME").await;
    clean(&server);
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
