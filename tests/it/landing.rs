//! From a consent to rows: nothing lost, nothing doubled.

use std::time::Instant;

use connector_tests::testkit::{Kind, System, seconds};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_banks_hold_is_what_is_stored_and_published() {
    let system = System::start().await;
    let mut customers = system.bank.customers().await;
    customers.truncate(match system.kind {
        Kind::Embedded => 3,
        Kind::Real => 20,
    });
    let started = Instant::now();
    let mut connected = Vec::new();
    for (n, customer) in customers.into_iter().enumerate() {
        let user = format!("user-{n}");
        let consent = system.connect(&user, &customer).await;
        connected.push((user, customer, consent));
    }
    for (_, _, consent) in &connected {
        system.fetch_is(&consent.id, "done", seconds(180)).await;
    }
    println!("{} customers landed in {:.1?}", connected.len(), started.elapsed());
    let users: Vec<_> = connected.iter().map(|(user, customer, _)| (user.as_str(), customer)).collect();
    let rows = system.agrees(&users).await;
    assert!(rows > 500 * users.len(), "two years are more than {rows} rows");
    for (user, customer) in users {
        let accounts = system.data.accounts(user).await.unwrap();
        assert_eq!(accounts.len(), system.bank.accounts(customer).await.len(), "{user}");
        assert!(accounts.iter().all(|account| account["balances"][0]["amount"].is_string()), "{accounts:?}");
    }
}
