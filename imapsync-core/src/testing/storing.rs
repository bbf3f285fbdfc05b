//! What a server makes of a message that it stores: its bytes and its date.

use super::body::Body;
use super::mail::Mail;
use super::quirks::{Dates, Rewrite};
use chrono::{DateTime, FixedOffset};

/// What the server takes for the present.
const NOW: &str = "25-Nov-2026 12:00:00 +0000";

impl Mail {
    /// Stores a message as the server does when a client appends it: rewritten, with another date, refused. Gives its
    /// UID, or what the server says.
    ///
    /// # Errors
    ///
    /// The refusal, `NO …` or `BAD …`.
    pub fn deliver(
        &mut self,
        folder: &str,
        body: impl Into<Body>,
        flags: &[&str],
        date: &str,
    ) -> Result<u32, String> {
        let (body, date) = self.kept(body.into(), Some(date))?;
        Ok(self.keep(folder, body, flags.iter().map(|flag| (*flag).to_owned()).collect(), &date))
    }

    /// Bytes and date as the server would keep them, or why it does not.
    pub(super) fn kept(&self, body: Body, date: Option<&str>) -> Result<(Body, String), String> {
        if let Body::Bytes(bytes) = &body
            && self.quirks.wants_final_newline
            && !bytes.ends_with(b"\r\n")
        {
            return Err("BAD [CLIENTBUG] Additional arguments found after last expected argument".to_owned());
        }
        let date = self::date(self.quirks.dates, date, &body)?;
        Ok((rewritten(self.quirks.rewrite, body)?, date))
    }

    /// Stores what [`Mail::kept`] gave.
    pub(super) fn keep(&mut self, folder: &str, body: Body, flags: Vec<String>, date: &str) -> u32 {
        if self.quirks.labels {
            return self.label(folder, body, flags, date);
        }
        self.folder(folder).store(body, flags, date)
    }
}

/// The message as the server keeps it, or why it does not.
fn rewritten(rewrite: Rewrite, body: Body) -> Result<Body, String> {
    let Body::Bytes(bytes) = &body else { return Ok(body) };
    if bytes.is_empty() && !matches!(rewrite, Rewrite::Nothing | Rewrite::LineEnds) {
        return Err("NO an empty message".to_owned());
    }
    let kept = match rewrite {
        Rewrite::Nothing => return Ok(body),
        Rewrite::NulAndLineFeed => crlf(&without_nul(bytes)),
        Rewrite::LineEnds => ended(crlf(&without_bare_cr(bytes))),
        Rewrite::Refuses => checked(bytes)?,
        Rewrite::Munges => munged(checked(bytes)?),
        Rewrite::Headers => [b"X-MS-Exchange-Organization-SCL: -1\r\n", &bytes[..]].concat(),
        Rewrite::Cuts => cut(bytes)?,
        Rewrite::LineFeeds => line_feeds(bytes),
        Rewrite::Mbox => mbox(bytes),
    };
    Ok(Body::from(kept))
}

/// Each line with its end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

/// The lines of the header, without the blank line and what follows.
fn header(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(bytes).take_while(|line| !line.trim_ascii_end().is_empty())
}

/// Whether there are header lines and all of them are some.
fn is_header(bytes: &[u8]) -> bool {
    let folded = |line: &[u8]| line.starts_with(b" ") || line.starts_with(b"\t");
    header(bytes).next().is_some() && header(bytes).all(|line| folded(line) || line.contains(&b':'))
}

/// Line ends become CR LF; CR CR LF is one.
fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in lines(bytes) {
        match line.strip_suffix(b"\n") {
            Some(mut text) => {
                while let Some(shorter) = text.strip_suffix(b"\r") {
                    text = shorter;
                }
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

fn ended(mut bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn without_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == 0 { 0x80 } else { *byte }).collect()
}

fn without_bare_cr(bytes: &[u8]) -> Vec<u8> {
    let bare =
        |at: usize| bytes[at] == b'\r' && !bytes.get(at + 1).is_some_and(|next| b"\r\n".contains(next));
    (0..bytes.len()).filter(|at| !bare(*at)).map(|at| bytes[at]).collect()
}

/// Cyrus keeps what it takes.
fn checked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if lines(bytes).any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n")) {
        return Err("NO Message contains bare newlines".to_owned());
    }
    if bytes.contains(&0) {
        return Err("NO Message contains NUL characters".to_owned());
    }
    if !is_header(bytes) {
        return Err("NO Message contains invalid header".to_owned());
    }
    Ok(bytes.to_vec())
}

fn munged(mut bytes: Vec<u8>) -> Vec<u8> {
    let len = header(&bytes).map(<[u8]>::len).sum();
    for byte in &mut bytes[..len] {
        if *byte >= 0x80 {
            *byte = b'X';
        }
    }
    bytes
}

fn without_envelope(bytes: &[u8]) -> &[u8] {
    match lines(bytes).next() {
        Some(line) if line.starts_with(b"From ") => &bytes[line.len()..],
        _ => bytes,
    }
}

fn is_status(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    [&b"Status"[..], b"X-Status", b"X-UID"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn cut(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = without_envelope(&bytes[..end]);
    if !is_header(bytes) {
        return Err("NO a header without a colon".to_owned());
    }
    let len: usize = header(bytes).map(<[u8]>::len).sum();
    let mut kept: Vec<u8> = header(bytes).filter(|line| !is_status(line)).flatten().copied().collect();
    kept.extend_from_slice(if len == bytes.len() { b"\r\n" } else { &bytes[len..] });
    let mut out = Vec::new();
    for line in lines(&kept) {
        let line = line
            .strip_suffix(b"\n")
            .map_or(line.to_vec(), |text| [text.strip_suffix(b"\r").unwrap_or(text), b"\r\n"].concat());
        out.extend_from_slice(&line);
    }
    Ok(out)
}

fn line_feeds(bytes: &[u8]) -> Vec<u8> {
    let bytes = without_envelope(bytes);
    let mut out = if is_header(bytes) { Vec::new() } else { b"\n".to_vec() };
    for line in lines(&crlf(bytes)) {
        match line.strip_suffix(b"\r\n") {
            Some(text) => out.extend_from_slice(&[text, b"\n"].concat()),
            None => out.extend_from_slice(line),
        }
    }
    out
}

fn mbox(bytes: &[u8]) -> Vec<u8> {
    let bytes = ended(crlf(&without_bare_cr(&without_nul(bytes))));
    let quoted = |line: &[u8]| if line.starts_with(b"From ") { [b">", line].concat() } else { line.to_vec() };
    let first = lines(&bytes).next().is_some_and(|line| line.starts_with(b"From "));
    let len = if is_header(&bytes) && !first { header(&bytes).map(<[u8]>::len).sum() } else { 0 };
    let mut out = Vec::new();
    if len == 0 && !bytes.starts_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    for line in lines(&bytes[..len]) {
        if is_status(line) {
            out.extend_from_slice(b"X-Original-");
        }
        out.extend_from_slice(line);
    }
    for line in lines(&bytes[len..]) {
        out.extend_from_slice(&quoted(line));
    }
    out
}

/// The internal date as the server keeps it, or why it refuses the message.
pub(super) fn date(dates: Dates, date: Option<&str>, body: &Body) -> Result<String, String> {
    if dates == Dates::Header {
        return Ok(of_header(body).map_or_else(|| NOW.to_owned(), |date| shown(&date)));
    }
    let Some(text) = date else { return Ok(NOW.to_owned()) };
    let Ok(parsed) = DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z") else {
        return if dates == Dates::Kept { Ok(text.to_owned()) } else { Ok(NOW.to_owned()) };
    };
    let seconds = parsed.timestamp();
    let year: i32 = text.get(7..11).and_then(|year| year.parse().ok()).unwrap_or(0);
    match dates {
        Dates::Kept | Dates::Header => Ok(text.to_owned()),
        Dates::NowOutside if (1970..=2037).contains(&year) => Ok(text.to_owned()),
        Dates::Now | Dates::NowOutside => Ok(NOW.to_owned()),
        Dates::Dovecot if seconds > i64::from(i32::MAX) => Ok(NOW.to_owned()),
        Dates::Dovecot if seconds < 0 => Ok(utc(seconds + (1 << 32))),
        Dates::Cyrus if seconds < 0 => Err("BAD Invalid date-time in Append command".to_owned()),
        Dates::Courier | Dates::SinceEpoch if seconds < 0 => Err("NO Invalid date".to_owned()),
        Dates::Cyrus | Dates::Courier if seconds == 0 => Ok(NOW.to_owned()),
        Dates::SinceEpoch => Ok(text.to_owned()),
        Dates::Dovecot | Dates::Cyrus | Dates::Courier => Ok(utc(seconds)),
    }
}

fn utc(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map_or_else(|| NOW.to_owned(), |date| shown(&date.fixed_offset()))
}

fn shown(date: &DateTime<FixedOffset>) -> String {
    date.format("%d-%b-%Y %H:%M:%S %z").to_string()
}

fn of_header(body: &Body) -> Option<DateTime<FixedOffset>> {
    let start = body.slice(0, 64 * 1024);
    let line = header(&start).find(|line| line.len() > 5 && line[..5].eq_ignore_ascii_case(b"Date:"))?;
    DateTime::parse_from_rfc2822(std::str::from_utf8(&line[5..]).ok()?.trim()).ok()
}
