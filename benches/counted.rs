//! Benches that also tell how often they allocate.
//!
//! Counting costs some nanoseconds for each allocation; the times hold with it.

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Prints how often `work` allocates, and how much, for each of its `items`.
pub(crate) fn allocations<T>(name: &str, items: u64, work: impl FnOnce() -> T) {
    let region = Region::new(ALLOCATOR);
    let kept = black_box(work());
    let change = region.change();
    drop(kept);
    let each = |count: usize| count as f64 / items as f64;
    println!(
        "{name}: {:.3} allocations of {:.1} bytes together, each of {items}",
        each(change.allocations + change.reallocations),
        each(change.bytes_allocated)
    );
}

/// Times `work`, after it has been asked for its [`allocations`].
#[allow(dead_code, reason = "not all benches can be called so simply")]
pub(crate) fn bench<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    items: u64,
    mut work: impl FnMut() -> T,
) {
    allocations(name, items, &mut work);
    group.bench_function(name, |b| b.iter(&mut work));
}
