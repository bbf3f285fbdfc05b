//! Holds the test server to the book: raw transcripts, compared with what the RFCs say, without our client.

mod login;
mod ports;
#[expect(dead_code, reason = "used by the transcripts to come")]
mod transcript;
