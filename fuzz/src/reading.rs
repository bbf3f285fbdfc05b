//! Commands as a server reads them: with imap-codec, and what that does not know with a few lines of our own.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::ToStatic;
use imap_codec::imap_types::command::Command;

/// A command that has been read.
#[derive(Debug)]
pub(crate) struct Said {
    /// The command. A NUL is told as 0x80 wherever it stands: imap-codec refuses it in a literal.
    pub(crate) command: Command<'static>,
    /// What stands behind RETURN in a LIST, which imap-codec does not know; taken out of the command.
    pub(crate) returns: Option<Returns>,
}

/// RETURN of a LIST (RFC 5258, RFC 5819).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Returns {
    /// The options that are one word.
    pub(crate) options: Vec<String>,
    /// The items of STATUS.
    pub(crate) status: Vec<String>,
}

/// Reads one whole command with its literals and its CRLF.
pub(crate) fn read(bytes: &[u8]) -> Result<Said, String> {
    let bytes = told(bytes);
    let decode = |bytes: &[u8]| match CommandCodec::default().decode(bytes) {
        Ok(([], command)) => Ok(command.to_static()),
        Ok((rest, _)) => Err(format!("more than one command: {}", rest.escape_ascii())),
        Err(error) => Err(format!("{error:?}: {}", bytes.escape_ascii())),
    };
    if let Some((first, others)) = split_messages(&bytes) {
        others.iter().try_for_each(|other| decode(other).map(drop))?;
        return Ok(Said { command: decode(&first)?, returns: None });
    }
    let is_list = bytes.split(|byte| *byte == b' ').nth(1) == Some(b"LIST");
    let command = decode(&bytes);
    if command.is_err()
        && is_list
        && let Some((plain, returns)) = split_returns(&bytes)
    {
        return Ok(Said { command: decode(&plain)?, returns: Some(returns) });
    }
    Ok(Said { command: command?, returns: None })
}

/// An APPEND of several messages (MULTIAPPEND, RFC 3502), which imap-codec does not know, as one APPEND for each.
fn split_messages(bytes: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut words = bytes.splitn(3, |byte| *byte == b' ');
    let (tag, verb, arguments) = (words.next()?, words.next()?, words.next()?);
    if verb != b"APPEND" {
        return None;
    }
    let mut ends = Vec::new();
    let mut at = 0;
    while let Some(line) = memchr::memmem::find(&bytes[at..], b"\r\n").map(|end| &bytes[at..at + end + 2])
        && let Some((len, _)) = literal(line)
    {
        at = (at + line.len()).checked_add(usize::try_from(len).ok()?).filter(|end| *end <= bytes.len())?;
        ends.push(at);
    }
    // The name of the mailbox may be a literal too.
    if arguments.starts_with(b"{") {
        ends.remove(0);
    }
    if ends.len() < 2 {
        return None;
    }
    let first = [&bytes[..ends[0]], b"\r\n"].concat();
    let pieces = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
    let mut others: Vec<Vec<u8>> = pieces.map(|piece| [tag, b" APPEND x", piece, b"\r\n"].concat()).collect();
    // What follows the last message belongs to it.
    if let (Some(last), Some(rest)) = (others.last_mut(), bytes.get(at..)) {
        last.truncate(last.len() - 2);
        last.extend_from_slice(rest);
    }
    Some((first, others))
}

/// Takes what stands behind RETURN out of a LIST.
fn split_returns(bytes: &[u8]) -> Option<(Vec<u8>, Returns)> {
    let (plain, tail) = bytes.split_at(memchr::memmem::rfind(bytes, b" RETURN (")?);
    Some(([plain, b"\r\n"].concat(), returns(tail)?))
}

/// ` RETURN (option option STATUS (item item))` and the end of the line.
fn returns(tail: &[u8]) -> Option<Returns> {
    let text = std::str::from_utf8(tail).ok()?;
    let inside = text.strip_prefix(" RETURN (")?.strip_suffix(")\r\n")?;
    let (options, status) = match inside.split_once("STATUS (") {
        Some((options, items)) => (options.strip_suffix(' ').unwrap_or(options), items.strip_suffix(')')?),
        None => (inside, ""),
    };
    let words = |text: &str| -> Option<Vec<String>> {
        let words: Vec<_> = text.split(' ').filter(|_| !text.is_empty()).map(str::to_owned).collect();
        let is_word =
            |word: &String| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        words.iter().all(is_word).then_some(words)
    };
    Some(Returns { options: words(options)?, status: words(status)? })
}

/// The bytes as [`Said`] tells them.
pub(crate) fn told(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == 0 { 0x80 } else { *byte }).collect()
}

/// The length of the literal that follows this line, and whether the client waits before it.
pub(crate) fn literal(line: &[u8]) -> Option<(u64, bool)> {
    let text = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let open = text.iter().rposition(|byte| *byte == b'{')?;
    let number = std::str::from_utf8(&text[open + 1..]).ok()?;
    let waits = !number.ends_with('+');
    Some((number.trim_end_matches('+').parse().ok()?, waits))
}
