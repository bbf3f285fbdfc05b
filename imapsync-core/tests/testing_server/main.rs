//! Holds the test server to the book: raw transcripts, compared with what the RFCs say, without our client.

mod folders;
mod large;
mod login;
mod messages;
mod modseq;
mod ports;
mod transcript;
