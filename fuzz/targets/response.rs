//! libFuzzer's program for [`imapsync_fuzz::response`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::response::one(data));
