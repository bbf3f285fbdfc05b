//! libFuzzer's program for [`imapsync_fuzz::utf7`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::utf7::one(data));
