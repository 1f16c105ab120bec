//! The first thing that anybody runs.

use std::time::{Duration, Instant};

use connector_tests::testkit::run_well;

#[test]
fn the_demo_ends_with_categorised_transactions_and_leaves_nothing() {
    let started = Instant::now();
    let told = run_well(&["dev", "--demo"]);
    assert!(started.elapsed() < Duration::from_secs(60), "it took {:?}", started.elapsed());
    assert!(told.contains("transactions landed"), "{told}");
    assert!(told.contains("FOOD.groceries") && told.contains("spending by group"), "{told}");
    assert!(told.contains("readable after the acknowledgement: 0"), "{told}");
}
