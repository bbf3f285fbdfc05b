//! libFuzzer's program for [`imapsync_fuzz::substitution`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::substitution::one(data));
