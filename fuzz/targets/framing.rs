//! libFuzzer's program for [`imapsync_fuzz::framing`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::framing::one(data));
