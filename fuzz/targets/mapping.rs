//! libFuzzer's program for [`imapsync_fuzz::mapping`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imapsync_fuzz::mapping::one(data));
