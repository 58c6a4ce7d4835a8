//! Chance that can be repeated.

/// `CHATTERBOX_TEST_SEED` repeats the faults of an earlier run.
pub fn seed() -> u64 {
    let given = std::env::var("CHATTERBOX_TEST_SEED").ok();
    let seed = given.map_or_else(
        || std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64,
        |text| text.parse().unwrap(),
    );
    eprintln!("seed {seed}");
    seed
}
