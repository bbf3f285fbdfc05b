//! Holds the test server to the book: raw transcripts, compared with what the RFCs say, without our client.

mod ports;
