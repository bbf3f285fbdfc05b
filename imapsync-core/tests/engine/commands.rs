//! How the scripted server reads commands: simple code of its own, so that ours is not tested with itself.

/// The wanted fields of a message, folds included, and the blank line.
pub fn fields(message: &[u8], names: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(message).into_owned();
    let header = text.split("\r\n\r\n").next().unwrap_or("");
    let (mut out, mut taking) = (String::new(), false);
    for line in header.split("\r\n") {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or("");
            taking = line.contains(':') && names.split(' ').any(|wanted| wanted.eq_ignore_ascii_case(name));
        }
        if taking {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out.push_str("\r\n");
    out.into_bytes()
}

/// The ranges of a UID set.
pub fn ranges(set: &str, last: u32) -> Vec<(u32, u32)> {
    let number = |text: &str| if text == "*" { last } else { text.parse().unwrap() };
    let range = |range: &str| {
        let (a, b) = range.split_once(':').unwrap_or((range, range));
        (number(a).min(number(b)), number(a).max(number(b)))
    };
    set.split(',').map(range).collect()
}

pub fn in_set(ranges: &[(u32, u32)], uid: u32) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&uid))
}

/// Length, and whether the client waits for a `+`.
pub fn literal_length(line: &str) -> Option<(usize, bool)> {
    let (_, inner) = line.strip_suffix('}')?.rsplit_once('{')?;
    match inner.strip_suffix('+') {
        Some(digits) => Some((digits.parse().ok()?, false)),
        None => Some((inner.parse().ok()?, true)),
    }
}

/// Atoms, quoted strings without their quotes, and lists in parentheses with them.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut depth, mut quoted) = (Vec::new(), String::new(), 0, false);
    for c in line.chars() {
        match c {
            '"' if depth == 0 => quoted = !quoted,
            ' ' if depth == 0 && !quoted => words.push(std::mem::take(&mut word)),
            '(' | '[' if !quoted => {
                depth += 1;
                word.push(c);
            }
            ')' | ']' if !quoted => {
                depth -= 1;
                word.push(c);
            }
            _ => word.push(c),
        }
    }
    words.push(word);
    words
}
