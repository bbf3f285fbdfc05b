//! libFuzzer's program for [`imapsync_fuzz::command`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::command::one(data));
