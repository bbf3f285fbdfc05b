use proptest::prelude::*;

use super::*;

/// All frames of a stream that arrives in these pieces, chunks of one literal put together; and how it ended.
fn frames<'a>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Option<FrameError>, Framer) {
    let mut framer = Framer::new(limits);
    let mut all: Vec<Frame> = Vec::new();
    for piece in pieces {
        framer.feed(piece);
        loop {
            match framer.next_frame() {
                Ok(None) => break,
                Ok(Some(Frame::LiteralChunk { slot, bytes })) => {
                    assert!(!bytes.is_empty());
                    if let Some(Frame::LiteralChunk { bytes: before, .. }) = all.last_mut() {
                        *before = [&before[..], &bytes[..]].concat().into();
                    } else {
                        all.push(Frame::LiteralChunk { slot, bytes });
                    }
                }
                Ok(Some(frame)) => all.push(frame),
                Err(error) => {
                    assert_eq!(framer.next_frame(), Err(error.clone()), "an error lasts");
                    return (all, Some(error), framer);
                }
            }
        }
    }
    (all, None, framer)
}

fn whole(limits: Limits, stream: &[u8]) -> (Vec<Frame>, Option<FrameError>, Framer) {
    frames(limits, [stream])
}

fn small() -> Limits {
    Limits { max_line: 400, max_literals: 4, max_nesting: 5, inline_literal: 10, max_literal: 1000 }
}

fn attached(at: usize, len: u64) -> Literal {
    Literal { at, len, detached: false }
}

fn line(bytes: &'static [u8], literals: &[Literal]) -> Frame {
    Frame::Line(Line { bytes: Bytes::from_static(bytes), literals: literals.to_vec() })
}

const TRANSCRIPT: &[u8] = b"* OK [CAPABILITY IMAP4rev1] hello {5}\r\n\
    * LIST () \"/\" {3}\r\na\"b\r\n\
    \r\n\
    * LIST () \"/\" \"x {7}\"\n\
    * 1 FETCH (UID 9 BODY[HEADER] {4+}\r\nA: b BODY[] ~{14}\r\n) a1 OK\r\n\x00 {9} FLAGS (\\Seen))\r\n\
    * 2 FETCH (BODY[] {0}\r\n)\r\n\
    + go ahead {3}\r\n\
    a1 OK done {12}\r\n\
    * 3 FETCH (BODY[] {12}\r\n\r\n\r\n\r\n\r\n\r\n\r\n X {2}\r\nhi)\r\n";

fn transcript() -> Vec<Frame> {
    let head = Bytes::from_static(b"* 1 FETCH (UID 9 BODY[HEADER] {4+}\r\nA: b BODY[] ~{14}\r\n");
    let head3 = Bytes::from_static(b"* 3 FETCH (BODY[] {12}\r\n");
    let chunk = |slot, bytes| Frame::LiteralChunk { slot, bytes: Bytes::from_static(bytes) };
    vec![
        line(b"* OK [CAPABILITY IMAP4rev1] hello {5}", &[]),
        line(b"* LIST () \"/\" {3}\r\na\"b", &[attached(19, 3)]),
        line(b"* LIST () \"/\" \"x {7}\"", &[]),
        Frame::LiteralStart { head, slot: 1, len: 14 },
        chunk(1, b") a1 OK\r\n\x00 {9}"),
        Frame::LiteralEnd { slot: 1 },
        line(
            b"* 1 FETCH (UID 9 BODY[HEADER] {4+}\r\nA: b BODY[] ~{14}\r\n FLAGS (\\Seen))",
            &[attached(36, 4), Literal { at: 55, len: 14, detached: true }],
        ),
        line(b"* 2 FETCH (BODY[] {0}\r\n)", &[attached(23, 0)]),
        line(b"+ go ahead {3}", &[]),
        line(b"a1 OK done {12}", &[]),
        Frame::LiteralStart { head: head3, slot: 0, len: 12 },
        chunk(0, b"\r\n\r\n\r\n\r\n\r\n\r\n"),
        Frame::LiteralEnd { slot: 0 },
        line(
            b"* 3 FETCH (BODY[] {12}\r\n X {2}\r\nhi)",
            &[Literal { at: 24, len: 12, detached: true }, attached(32, 2)],
        ),
    ]
}

#[test]
fn every_split_gives_the_same_frames() {
    let (frames_whole, error, framer) = whole(small(), TRANSCRIPT);
    assert_eq!(error, None);
    assert!(framer.is_empty());
    assert_eq!(frames_whole, transcript());
    for first in 0..TRANSCRIPT.len() {
        let (a, b) = TRANSCRIPT.split_at(first);
        assert_eq!(frames(small(), [a, b]).0, frames_whole, "split at {first}");
    }
    assert_eq!(frames(small(), TRANSCRIPT.chunks(1)).0, frames_whole);
    assert_eq!(frames(small(), TRANSCRIPT.chunks(3)).0, frames_whole);
}

#[test]
fn what_announces_a_literal() {
    // Lines of data; whether the framer waits for a literal after them.
    let table: &[(&[u8], bool)] = &[
        (b"* LIST () \"/\" {3}", true),
        (b"* list () \"/\" {3+}", true),
        (b"  *  LIST () \"/\" {3}", true),
        (b"* 1 FETCH (BODY[] ~{3}", true),
        (b"* 1 FETCH (BODY[HEADER.FIELDS ({3}", true),
        (b"* 1 FETCH (FLAGS (a\"b) BODY[] {3}", true),
        (b"* LIST () \"\\\\\" {3}", true),
        (b"* LIST () \"\\\"\" {3}", true),
        (b"* LIST () \"/\" {03}", true),
        (b"* LIST () \"/\" \"{3}", false),
        (b"* LIST () \"/\" \"\\\" {3}", false),
        (b"* LIST () \"/\" x{3}", false),
        (b"* LIST () \"/\" {}", false),
        (b"* LIST () \"/\" {+}", false),
        (b"* LIST () \"/\" {-3}", false),
        (b"* LIST () \"/\" {3} ", false),
        (b"* LIST () \"/\" {3}x", false),
        (b"* OK see {3}", false),
        (b"* bye see {3}", false),
        (b"*  No  see {3}", false),
        (b"* BAD {3}", false),
        (b"* PREAUTH {3}", false),
        (b"* OKAY {3}", true),
        (b"+ {3}", false),
        (b"+{3}", false),
        (b"a1 OK {3}", false),
        (b"noise {3}", false),
    ];
    for (text, literal) in table {
        for end in [&b"\r\n"[..], b"\n", b"\r\r\n"] {
            let (frames, error, framer) = whole(Limits::default(), &[text, end].concat());
            assert_eq!(error, None);
            assert_eq!(frames.is_empty(), *literal, "{}", text.escape_ascii());
            assert_eq!(framer.is_empty(), !*literal);
            if let Some(Frame::Line(line)) = frames.first() {
                assert_eq!(&line.bytes, text);
            }
        }
    }
}

#[test]
fn hostile_streams_end_in_an_error() {
    let long = [&b"* X "[..], &[b'a'; 400]].concat();
    let in_attached =
        b"* X {10}\r\n0123456789 {10}\r\n0123456789 {10}\r\n0123456789 {10}\r\n0123456789 {10}\r\n";
    let table: &[(&[u8], FrameError)] = &[
        (b"* X {4294967295}\r\n", FrameError::LiteralTooLarge(1000)),
        (b"* X {1001}\r\n", FrameError::LiteralTooLarge(1000)),
        (b"* X {99999999999999999999}\r\n", FrameError::LiteralTooLarge(1000)),
        (b"* X {18446744073709551616}\r\n", FrameError::LiteralTooLarge(1000)),
        (b"* X {000000000000000000000000000000000001}\r\n", FrameError::LiteralTooLarge(1000)),
        (&long, FrameError::LineTooLong(400)),
        (b"* X ((((((\r\n", FrameError::TooDeep(5)),
        (in_attached, FrameError::TooManyLiterals),
        (&[b'\n'; 101], FrameError::EmptyLines),
        (b"* X\0\r\n", FrameError::Nul("* X\\x00".to_owned())),
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n",
            FrameError::NotImap("HTTP/1.1 400 Bad Request".to_owned()),
        ),
        (b"\x15\x03\x03\0\x02\x02\x28", FrameError::NotImap("\\x15\\x03\\x03\\x00\\x02\\x02(".to_owned())),
        (b"\x80", FrameError::NotImap("\\x80".to_owned())),
    ];
    for (stream, expected) in table {
        let (_, error, _) = whole(small(), stream);
        assert_eq!(error.as_ref(), Some(expected), "{}", stream.escape_ascii());
    }
    // The largest allowed are allowed.
    for stream in [&b"* X {1000}\r\n"[..], b"* X (((((\r\n", &[b'\n'; 100], &long[..399]] {
        assert_eq!(whole(small(), stream).1, None);
    }
    let limits = Limits { inline_literal: 0, ..Limits::default() };
    let (frames, error, _) = whole(limits, &[&b"* X"[..], &b" {1}\r\na".repeat(17)].concat());
    assert_eq!(error, Some(FrameError::TooManyLiterals));
    assert_eq!(frames.len(), 16 * 3);
}

#[test]
fn the_sizes_of_attached_literals_count_for_the_line() {
    let limits = Limits { max_line: 100, inline_literal: 1000, ..small() };
    assert_eq!(whole(limits, b"* X {91}\r\n").1, Some(FrameError::LineTooLong(100)));
    assert_eq!(whole(limits, &[&b"* X {80}\r\n"[..], &[b'\0'; 80], b"abcdefghi"].concat()).1, None);
    let (_, error, _) = whole(limits, &[&b"* X {80}\r\n"[..], &[b'\0'; 80], b"abcdefghijk"].concat());
    assert_eq!(error, Some(FrameError::LineTooLong(100)));
}

#[test]
fn empty_means_that_nothing_is_half_read() {
    let mut framer = Framer::new(small());
    assert!(framer.is_empty());
    framer.feed(b"a1 OK begin TLS\r\n* ");
    assert!(framer.next_frame().unwrap().is_some());
    assert!(!framer.is_empty());
    assert!(framer.next_frame().unwrap().is_none());
    assert_eq!(&framer.take_rest()[..], b"* ");
    assert!(framer.is_empty());

    framer.feed(b"* X {20}\r\n");
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::LiteralStart { .. }))));
    assert_eq!(framer.literals(), [Literal { at: 10, len: 20, detached: true }]);
    assert!(!framer.is_empty());
    framer.feed(&[b'x'; 20]);
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::LiteralChunk { .. }))));
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::LiteralEnd { .. }))));
    assert!(!framer.is_empty(), "the line itself is still to come");
    framer.feed(b"\r\n");
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::Line(_)))));
    assert!(framer.is_empty());
}

#[test]
fn the_inline_limit_can_change_between_lines() {
    let mut framer = Framer::new(small());
    framer.set_inline_literal(3);
    framer.feed(b"* X {4}\r\nabcd\r\n* X {3}\r\nabc\r\n");
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::LiteralStart { len: 4, .. }))));
    while !matches!(framer.next_frame(), Ok(Some(Frame::Line(_)))) {}
    assert!(matches!(framer.next_frame(), Ok(Some(Frame::Line(_)))));
}

#[test]
fn a_line_shares_the_receive_buffer() {
    let mut framer = Framer::new(Limits::default());
    framer.buffer().extend_from_slice(b"* 1 EXISTS\r\n* 2 EXISTS\r\n");
    let start = framer.buffer().as_ptr();
    let Ok(Some(Frame::Line(line))) = framer.next_frame() else { panic!() };
    assert_eq!(line.bytes.as_ptr(), start, "not copied");
}

/// Work for a stream in pieces of `step` bytes, per byte.
fn work_per_byte(limits: Limits, stream: &[u8], step: usize) -> f64 {
    let (_, error, framer) = frames(limits, stream.chunks(step));
    assert_eq!(error, None);
    framer.work as f64 / stream.len() as f64
}

#[test]
fn time_is_linear_however_the_bytes_arrive() {
    let search = [b"* SEARCH".as_slice(), &b" 1234567".repeat(200_000), b"\r\n"].concat();
    let literal = [&b"* 1 FETCH (BODY[] {1048576}\r\n"[..], &vec![b'\n'; 1 << 20], b")\r\n"].concat();
    let unfinished = vec![b'('; 200];
    let unfinished = [&b"* X \""[..], &unfinished, &vec![b'x'; 300_000]].concat();
    let detached = [&b"* X"[..], &b" {4}\r\n\r\n\r\n".repeat(16), &vec![b'x'; 100_000], b"\r\n"].concat();
    let lines = b"* 1 EXISTS\r\n\r\n".repeat(20_000);
    for (name, stream) in
        [("search", &search), ("literal", &literal), ("unfinished", &unfinished), ("lines", &lines)]
    {
        for step in [1, 7, 4096, usize::MAX] {
            let work = work_per_byte(Limits::default(), stream, step);
            assert!(work <= 3.0, "{name} in pieces of {step}: {work} per byte");
        }
    }
    let limits = Limits { inline_literal: 0, ..Limits::default() };
    let work = work_per_byte(limits, &detached, 1);
    assert!(work <= 4.0, "{work} per byte");
}

/// Streams made of what matters to framing.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        1 => Just(b"\n".to_vec()),
        4 => Just(b"* ".to_vec()),
        1 => Just(b"OK ".to_vec()),
        2 => Just(b" \"".to_vec()),
        1 => Just(b"\\".to_vec()),
        2 => Just(b"(".to_vec()),
        2 => Just(b")".to_vec()),
        4 => (0u32..40).prop_map(|n| format!(" {{{n}}}\r\n").into_bytes()),
        3 => proptest::collection::vec(any::<u8>(), 0..20),
        3 => "[ -~]{0,30}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn pieces_do_not_matter(stream in stream(), cuts in proptest::collection::vec(1usize..40, 1..40)) {
        let (expected, expected_error, _) = whole(small(), &stream);
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        let (frames, error, _) = frames(small(), pieces);
        prop_assert_eq!(frames, expected);
        // The excerpt in an error shows what has arrived.
        prop_assert_eq!(error.map(|e| std::mem::discriminant(&e)), expected_error.map(|e| std::mem::discriminant(&e)));
    }

    #[test]
    fn no_byte_is_lost(stream in stream()) {
        let (frames, error, mut framer) = whole(Limits { inline_literal: 3, ..Limits::default() }, &stream);
        if error.is_none() {
            let mut given = 0;
            for frame in &frames {
                match frame {
                    Frame::Line(line) => {
                        given += line.bytes.len();
                        for literal in line.literals.iter().filter(|literal| !literal.detached) {
                            let end = literal.at + usize::try_from(literal.len).unwrap();
                            prop_assert!(end <= line.bytes.len());
                        }
                    }
                    Frame::LiteralChunk { bytes, .. } => given += bytes.len(),
                    Frame::LiteralStart { .. } | Frame::LiteralEnd { .. } => {}
                }
            }
            let ends = stream.iter().filter(|b| matches!(b, b'\r' | b'\n')).count();
            let pending = framer.buffer().len() + framer.head.len();
            prop_assert!(given + pending <= stream.len());
            prop_assert!(given + pending + ends >= stream.len());
        }
    }
}
