//! Framing and parsing: what a sync reads, in the pieces in which a socket gives it.

mod counted;
mod streams;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use streams::read;

/// Messages of a listing.
const ROWS: usize = 20_000;

fn benches(criterion: &mut Criterion) {
    let (listing, headers) = (streams::listing(ROWS), streams::headers(ROWS));
    let rows = ROWS as u64;
    for (name, stream, bytes) in
        [("listing", &listing, listing.len()), ("header answers", &headers, headers.len())]
    {
        assert_eq!(read(stream.as_bytes(), true), (ROWS, 0));
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes as u64));
        counted::bench(&mut group, "framing, bytes", rows, || read(stream.as_bytes(), false));
        counted::bench(&mut group, "framing and parsing, bytes", rows, || read(stream.as_bytes(), true));
        group.throughput(Throughput::Elements(rows));
        group.bench_function("framing and parsing, responses", |b| b.iter(|| read(stream.as_bytes(), true)));
        group.finish();
    }
    let mut group = criterion.benchmark_group("bodies");
    for (name, size, count, detached) in
        [("4 KiB, attached", 4 << 10, 2_000, false), ("1 MiB, detached", 1 << 20, 16, true)]
    {
        let stream = streams::bodies(size, count);
        let (lines, literals) = read(&stream, true);
        assert_eq!((lines, literals > 0), (count, detached));
        group.throughput(Throughput::Bytes(stream.len() as u64));
        counted::bench(&mut group, name, count as u64, || read(&stream, true));
    }
    group.finish();
}

criterion_group! {
    name = all;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3)).sample_size(30);
    targets = benches
}
criterion_main!(all);
