use super::*;

#[tokio::test]
async fn a_customer_approves_and_the_client_reads_what_the_ledger_holds() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    assert_eq!(world.consent_status(&consent).await, (200, json!("AWAU")));
    let back = world.decide(&consent, "approve", 9).await;
    assert_eq!(query_of(&back, "state"), "st");
    assert_eq!(query_of(&back, "iss"), world.bank.base_url.as_str().trim_end_matches('/'));
    let (_, tokens) = world.redeem(&query_of(&back, "code")).await;
    assert_eq!(text(&tokens["id_token"]).split('.').count(), 3);
    assert_eq!(world.consent_status(&consent).await, (200, json!("AUTH")));
    let grant =
        Grant { access: text(&tokens["access_token"]), refresh: text(&tokens["refresh_token"]), consent };

    for account in world.oracle().await["accounts"].as_array().unwrap() {
        let rows =
            world.walk(&format!("/accounts/{}/transactions", text(&account["account_id"])), &grant).await;
        let known = account["transactions"].as_array().unwrap();
        let served: Vec<_> =
            rows.iter().map(|row| (row["TransactionId"].clone(), row["Status"].clone())).collect();
        let expected: Vec<_> = known.iter().map(|row| (row["id"].clone(), row["status"].clone())).collect();
        assert_eq!(served, expected);
    }
    let served = world.oracle().await["accounts"][0].clone();
    assert_eq!(
        served["served"]["rows"].as_u64().unwrap(),
        served["transactions"].as_array().unwrap().len() as u64
    );
}

#[tokio::test]
async fn a_denial_goes_back_with_its_error_and_ends_the_consent() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let back = world.decide(&consent, "deny", 9).await;
    assert_eq!(
        (query_of(&back, "error").as_str(), query_of(&back, "state").as_str()),
        ("access_denied", "st")
    );
    assert_eq!(world.consent_status(&consent).await, (200, json!("RJCT")));
    let again = world.http.get(world.link(&consent)).send().await.unwrap();
    assert!(again.headers()[LOCATION].to_str().unwrap().contains("error=invalid_request"));
}

#[tokio::test]
async fn a_form_is_good_once_and_only_in_the_browser_it_was_shown_in() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let (cookie, page) = world.at_the_decision(&consent).await;
    let csrf = hidden(&page);
    let deny = [("csrf", csrf.as_str()), ("decision", "deny")];
    assert_eq!(world.post("/authorize/decision", "sandbox_sign_in=other", &deny).await.status(), 400);
    let forged = [("csrf", "guess"), ("decision", "deny")];
    assert_eq!(world.post("/authorize/decision", &cookie, &forged).await.status(), 400);
    assert_eq!(world.post("/authorize/decision", &cookie, &deny).await.status(), 303);
    assert_eq!(world.post("/authorize/decision", &cookie, &deny).await.status(), 400);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let link = world.link(&consent).as_str().replace("app.example%2Fback", "app.example%2Fback%2F");
    let answer = world.http.get(link).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get(LOCATION)), (400, None));
    let plain = world.link(&consent).as_str().replace("S256", "plain");
    let answer = world.http.get(plain).send().await.unwrap();
    assert!(
        answer.headers()[LOCATION]
            .to_str()
            .unwrap()
            .starts_with("https://app.example/back?error=invalid_request")
    );
}

#[tokio::test]
async fn a_client_that_is_approved_at_once_is_sent_back_with_a_code() {
    let world = World::with(|config| config.auto_approve_client = true).await;
    let consent = world.consent(&EVERYTHING).await;
    let mut link = world.link(&consent);
    link.query_pairs_mut().append_pair("login_hint", &world.bank.customers[1].username);
    let answer = world.http.get(link).send().await.unwrap();
    let back: Url = answer.headers()[LOCATION].to_str().unwrap().parse().unwrap();
    assert_eq!(world.redeem(&query_of(&back, "code")).await.0, 200);
}
