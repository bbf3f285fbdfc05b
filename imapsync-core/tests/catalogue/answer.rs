//! Answers of the model server, cut into responses, so that a case can put something between them or change one.

/// The responses of an answer, each with its line end; literals stay in theirs.
pub fn responses(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut responses = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(end) = line_end(answer, at) {
        at = end;
        if let Some(len) = announced(&answer[begin..end]) {
            at += len;
            continue;
        }
        responses.push(answer[begin..end].to_vec());
        begin = end;
    }
    if begin < answer.len() {
        responses.push(answer[begin..].to_vec());
    }
    responses
}

/// Changes each response, literals and all.
pub fn each(answer: &[u8], change: impl FnMut(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    responses(answer).into_iter().flat_map(change).collect()
}

/// Changes the text of each response: the pieces outside of literals, line ends included.
pub fn each_text(answer: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < answer.len() {
        let end = line_end(answer, at).unwrap_or(answer.len());
        out.extend_from_slice(change(std::str::from_utf8(&answer[at..end]).unwrap()).as_bytes());
        let literal = announced(&answer[at..end]).unwrap_or(0).min(answer.len() - end);
        out.extend_from_slice(&answer[end..end + literal]);
        at = end + literal;
    }
    out
}

/// Puts `noise` in front of each response.
pub fn between(answer: &[u8], noise: &str) -> Vec<u8> {
    each(answer, |response| [noise.as_bytes(), &response].concat())
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].windows(2).position(|pair| pair == b"\r\n").map(|at| from + at + 2)
}

/// The length of the literal that a line announces at its end.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}
