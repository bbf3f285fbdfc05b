//! The measuring itself, tried without any server or program that would have to be installed: the zero-cost client copies
//! between two servers of the library, through two lines that delay, and the independent reader judges.

use crate::corpus::{self, Corpus, Folder, Text};
use crate::proxy::{Proxy, Traffic};
use crate::table::median;
use crate::verify::{self, Verdict};
use crate::zero_cost::{self, Order, Work};
use imapsync_core::testing::Server;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn filled(folders: &[Folder], text: &Text) -> Server {
    let server = Server::new("IMAP4rev1 LITERAL+ MULTIAPPEND");
    for folder in folders {
        for mail in &folder.mails {
            let flags = mail.flags.iter().map(|flag| (*flag).to_owned()).collect();
            server.mail().folder(&folder.name).store(mail.bytes(text).into(), flags, &mail.internal_date());
        }
    }
    server
}

fn verdict(wrong: &Server, right: u16) -> Verdict {
    let listening = wrong.listen().expect("a port");
    let original = verify::read(right, "u1", "").expect("it can be read");
    verify::compare(&original, &verify::read(listening.address.port(), "u1", "").expect("it can be read"))
}

#[test]
fn the_zero_cost_client_copies_all_and_the_reader_sees_what_is_wrong() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let (text, mut folders) = (Text::new(), Corpus::K1.make(true));
    let (source, destination) = (filled(&folders, &text), filled(&[], &text));
    let (from, to) = (source.listen().expect("a port"), destination.listen().expect("a port"));
    let (from, to) = (from.address.port(), to.address.port());
    let dir = tempfile::tempdir().expect("a folder");
    zero_cost::prepare(dir.path(), &folders, &text, 2).expect("it can be written");
    let line = |port| runtime.block_on(Proxy::start(port, Duration::from_millis(2))).expect("a port");
    let lines = [line(from), line(to)];
    for work in [Work::Copy, Work::Scan] {
        let sides = lines.each_ref().map(|line| (line.port, "u1".to_owned()));
        let order = Order { work, streams: dir.path().into(), connections: 2, sides, ca: None };
        zero_cost::run(&order.args()[1..]).expect("it copies");
    }
    let counted = lines.each_ref().map(Proxy::traffic);
    assert_eq!(counted.map(|traffic| traffic.connections), [4, 4]);
    assert!(counted[0].received > 20 * 2048 && counted[1].sent > 20 * 2048, "{counted:?}");

    let original = verify::read(from, "u1", "").expect("it can be read");
    let copy = verify::read(to, "u1", "").expect("it can be read");
    let all = verify::compare(&original, &copy);
    assert_eq!((original.messages, all.complete(), all.to_string().as_str()), (20, true, "identical"));

    // What the reader must not overlook.
    let mail = folders[1].mails.pop().expect("each folder has some");
    assert_eq!(verdict(&filled(&folders, &text), from).to_string(), "**WRONG**, 1 missing");
    folders[1].mails.extend([mail.clone(), mail.clone()]);
    assert_eq!(verdict(&filled(&folders, &text), from).to_string(), "**WRONG**, 1 too many");
    folders[1].mails.pop();
    let other = filled(&folders, &text);
    other.mail().folder(&folders[1].name).change(4, |message| {
        message.flags.push("$Junk".to_owned());
        message.date = "01-Jan-2020 12:00:00 +0000".into();
    });
    assert_eq!(verdict(&other, from).to_string(), "1 with other flags, 1 with other dates");
    let moved = folders[1].mails.pop().expect("it was just added");
    folders[2].mails.push(moved);
    assert_eq!(verdict(&filled(&folders, &text), from).to_string(), "**WRONG**, 1 missing, 1 too many");
}

#[test]
fn a_line_delays_each_round_trip_and_counts_the_turns() {
    const ROUND_TRIP: Duration = Duration::from_millis(40);
    let runtime = runtime();
    let (traffic, took) = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let line =
            Proxy::start(listener.local_addr().expect("bound").port(), ROUND_TRIP).await.expect("a port");
        let mut client = tokio::net::TcpStream::connect(("127.0.0.1", line.port)).await.expect("it listens");
        let (mut server, _) = listener.accept().await.expect("it connects");
        let begun = Instant::now();
        let mut piece = [0; 10];
        for _ in 0..3 {
            client.write_all(b"0123456789").await.expect("open");
            server.read_exact(&mut piece).await.expect("open");
            server.write_all(&piece[..4]).await.expect("open");
            client.read_exact(&mut piece[..4]).await.expect("open");
        }
        assert_eq!(&piece, b"0123456789");
        (line.traffic(), begun.elapsed())
    });
    // The client spoke first: that was no turn.
    let Traffic { turns, sent, received, connections } = traffic;
    assert_eq!((turns, sent, received, connections), (2, 30, 12, 1));
    assert!(took >= 3 * ROUND_TRIP, "{took:?}");
}

#[test]
fn the_corpus_is_the_same_each_time_and_as_large_as_it_says() {
    let text = Text::new();
    let sizes = |corpus: Corpus| -> Vec<usize> {
        corpus
            .make(false)
            .iter()
            .flat_map(|folder| &folder.mails)
            .map(|mail| mail.bytes(&text).len())
            .collect()
    };
    let (small, again) = (sizes(Corpus::Small), sizes(Corpus::Small));
    assert_eq!((small.len(), &small), (10_000, &again));
    let mib = small.iter().sum::<usize>() >> 20;
    assert!((260..320).contains(&mib), "{mib} MiB");
    let tiny = Corpus::K1.make(false);
    let length = tiny[0].mails[0].bytes(&text).len();
    assert!((2048..2200).contains(&length), "{length}");

    // One percent more, other flags on two percent of those before.
    let mut grown = Corpus::K1.make(false);
    let (mut changed, mut added) = (0, 0);
    for (index, folder) in grown.iter_mut().enumerate() {
        let before = corpus::grow(folder, index);
        added += folder.mails.len() - before;
        corpus::reflag(folder, before, |old, new| changed += usize::from(old.flags != new.flags));
    }
    assert_eq!((added, changed), (10, 20));
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(vec![7.0]), Some(7.0));
    assert_eq!(median(vec![]), None);
}
