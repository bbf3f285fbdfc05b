//! libFuzzer's program for [`imapsync_fuzz::identity`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::identity::one(data));
