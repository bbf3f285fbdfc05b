//! libFuzzer's program for [`imapsync_fuzz::fetch`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::fetch::one(data));
