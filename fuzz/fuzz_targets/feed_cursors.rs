#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| chatterbox::fuzzing::feed_cursors(data));
