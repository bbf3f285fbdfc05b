//! libFuzzer's program for [`imapsync_fuzz::sync`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::sync::one(data));
