use super::*;

#[tokio::test]
async fn only_the_chosen_accounts_are_open() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let back = world.decide(&consent, "approve", 1).await;
    let access = text(&world.redeem(&query_of(&back, "code")).await.1["access_token"]);
    let accounts = world.get("/accounts", &access).await;
    assert_eq!(accounts["Data"]["Account"].as_array().unwrap().len(), 1);
    let other = text(&world.oracle().await["accounts"][1]["account_id"]);
    assert_eq!(
        world.aisp(Method::GET, &format!("/accounts/{other}/balances"), &access, None).await.status(),
        403
    );
    assert_eq!(world.aisp(Method::GET, "/accounts/nobody/balances", &access, None).await.status(), 400);
}

#[tokio::test]
async fn permissions_decide_what_is_shown() {
    let world = World::new().await;
    let grant =
        world.granted(&["ReadAccountsBasic", "ReadTransactionsBasic", "ReadTransactionsCredits"]).await;
    let path = world.transactions_path(&grant).await;
    let rows = world.walk(&path, &grant).await;
    assert!(rows.iter().all(|row| row["CreditDebitIndicator"] == "Credit"));
    assert!(rows.iter().all(|row| row["TransactionInformation"].is_null() && row["Balance"].is_null()));
    assert!(world.get("/accounts", &grant.access).await["Data"]["Account"][0]["Account"].is_null());
    let balances = path.replace("transactions", "balances");
    assert_eq!(world.aisp(Method::GET, &balances, &grant.access, None).await.status(), 403);
}

#[tokio::test]
async fn a_filter_keeps_whole_days_with_and_without_a_zone() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let filtered = |zone: &str| {
        format!(
            "{path}?fromBookingDateTime=2026-02-01T00:00:00{zone}&toBookingDateTime=2026-02-28T23:59:59{zone}"
        )
    };
    let rows = world.walk(&filtered(""), &grant).await;
    let all = world.walk(&path, &grant).await;
    let february: Vec<_> =
        all.into_iter().filter(|row| text(&row["BookingDateTime"]).starts_with("2026-02")).collect();
    assert!(!february.is_empty());
    assert_eq!(rows, february);
    assert_eq!(world.walk(&filtered("Z"), &grant).await, february);
}

/// The current account's rows today, and again four days later.
async fn now_and_four_days_later(world: &World) -> (Vec<Value>, Vec<Value>) {
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let before = world.walk(&path, &grant).await;
    world.seconds.fetch_add(4 * 86_400, Ordering::SeqCst);
    let access = text(&world.refresh(&grant.refresh).await.1["access_token"]);
    let after = world.walk(&path, &Grant { access, ..grant }).await;
    (before, after)
}

#[tokio::test]
async fn a_pending_row_is_booked_later_under_the_same_id() {
    let (before, after) = now_and_four_days_later(&World::new().await).await;
    let pending: Vec<_> = before.iter().filter(|row| row["Status"] == "PDNG").collect();
    assert!(!pending.is_empty());
    for row in pending {
        let booked = after.iter().find(|later| later["TransactionId"] == row["TransactionId"]).unwrap();
        assert_eq!((&booked["Status"], &booked["Amount"]), (&json!("BOOK"), &row["Amount"]));
    }
}

#[tokio::test]
async fn some_pending_rows_have_no_id_until_they_are_booked() {
    let mut world = World::new().await;
    world.who = 2;
    let (before, after) = now_and_four_days_later(&world).await;
    let is_booked = |row: &&Value| row["Status"] == "BOOK";
    assert!(before.iter().any(|row| row["Status"] == "PDNG"));
    assert!(before.iter().all(|row| is_booked(&row) == row["TransactionId"].is_string()));
    assert!(after.iter().filter(is_booked).count() > before.iter().filter(is_booked).count());
}

#[tokio::test]
async fn the_interaction_id_is_echoed_even_on_refusals() {
    let world = World::new().await;
    let request =
        world.http.get(world.url(&format!("{AISP}/accounts"))).header("x-fapi-interaction-id", "abc");
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-fapi-interaction-id"]),
        (401, &"abc".parse().unwrap())
    );
}
