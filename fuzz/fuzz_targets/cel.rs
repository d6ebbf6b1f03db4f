#![no_main]
#![allow(missing_docs, reason = "the function says what it holds")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::cel(data));
