//! Identity and digests of messages.

mod counted;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use imapsync_core::message::{Digester, HeaderScanner, IdentityRules, rewrite_key};
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

/// A header of about 3 KiB, as mail that came through a list and two spam filters has it.
fn header() -> String {
    let mut header =
        String::from("Return-Path: <list-bounces@example.org>\r\nDelivered-To: alice@example.net\r\n");
    for n in 1..=7 {
        let _ = write!(
            header,
            "Received: from mx{n}.example.org (mx{n}.example.org [192.0.2.{n}])\r\n\
             \t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\
             \tby relay{n}.example.net (Postfix) with ESMTPS id 4F1A2B{n}C\r\n\
             \tfor <alice@example.net>; Mon,  4 Mar 2024 08:15:0{n} +0100 (CET)\r\n"
        );
    }
    for n in 1..=3 {
        let _ = write!(
            header,
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example{n}.org; s=mail;\r\n\
             \th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\
             \tb=Xv3TqKzGm0b2yCk1fYd0u9vHnQ7n2cX8m3zVb5kR1pTgYw6eLh4sJd7uFa9oIq2xNcMv\r\n\
             \t 5kR1pTgYw6eLh4sJd7uFa9oIq2xNcMvXv3TqKzGm0b2yCk1fYd0u9vHnQ7n2cX8m3zVb=\r\n"
        );
    }
    header.push_str(
        "From: =?utf-8?q?Ren=C3=A9e?= <renee@example.org>\r\nTo: Alice <alice@example.net>\r\n\
         Subject: Minutes of the meeting, with everything that was said and some\r\n that was not\r\n\
         Date: Mon, 4 Mar 2024 08:14:57 +0100\r\nMessage-ID: <20240304081457.4F1A2B3C@example.org>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
    );
    header
}

fn benches(criterion: &mut Criterion) {
    let header = header();
    let text = b"A line of text as people write them, seventy-odd bytes long and no more.\r\n".repeat(400);
    let message = [header.as_bytes(), &text].concat();
    let rules = IdentityRules::default();
    assert!(rules.from_wanted(header.as_bytes()).is_some() && (2_800..3_600).contains(&header.len()));

    let mut group = criterion.benchmark_group("identity");
    group.throughput(Throughput::Bytes(header.len() as u64));
    counted::bench(&mut group, "a header of 3 KiB", 1, || rules.from_header(black_box(header.as_bytes())));
    counted::bench(&mut group, "rewrite key of it", 1, || rewrite_key(black_box(header.as_bytes())));
    // The body behind it is not looked at: it counts for nothing here.
    counted::bench(&mut group, "the same found in a message that passes", 1, || {
        let mut scanner = HeaderScanner::new();
        let end = black_box(&message).chunks(8 << 10).find_map(|piece| scanner.feed(piece));
        rules.from_header(&message[..end.unwrap_or(message.len())])
    });
    group.finish();

    let large = [header.as_bytes(), &text.repeat(36)].concat();
    let mut group = criterion.benchmark_group("digest");
    group.throughput(Throughput::Bytes(large.len() as u64));
    for (name, new) in
        [("whole, 1 MiB", Digester::whole as fn() -> Digester), ("body, 1 MiB", Digester::body)]
    {
        counted::bench(&mut group, name, 1, || {
            let mut digester = new();
            black_box(&large).chunks(64 << 10).for_each(|piece| digester.update(piece));
            digester.finish()
        });
    }
    group.throughput(Throughput::Bytes(header.len() as u64));
    counted::bench(&mut group, "whole, a header of 3 KiB", 1, || {
        let mut digester = Digester::whole();
        digester.update(black_box(header.as_bytes()));
        digester.finish()
    });
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(30);
    targets = benches
}
criterion_main!(all);
