use super::*;

#[tokio::test]
async fn a_code_is_redeemed_once_with_its_verifier_and_a_second_attempt_ends_the_grant() {
    let world = World::new().await;
    let consent = world.consent(&EVERYTHING).await;
    let code = query_of(&world.decide(&consent, "approve", 9).await, "code");
    let wrong = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", "wrong"),
    ];
    assert_eq!(world.token(&wrong).await, (400, json!({ "error": "invalid_grant" })));
    let (status, tokens) = world.redeem(&code).await;
    assert_eq!(status, 200);
    assert_eq!(world.redeem(&code).await.0, 400);
    let access = text(&tokens["access_token"]);
    assert_eq!(world.aisp(Method::GET, "/accounts", &access, None).await.status(), 401);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_grant() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let (status, fresh) = world.refresh(&grant.refresh).await;
    assert_eq!(status, 200);
    assert_ne!(text(&fresh["refresh_token"]), grant.refresh);
    assert_eq!(world.refresh(&grant.refresh).await, (400, json!({ "error": "invalid_grant" })));
    assert_eq!(world.refresh(&text(&fresh["refresh_token"])).await.0, 400);
    let access = text(&fresh["access_token"]);
    assert_eq!(world.aisp(Method::GET, "/accounts", &access, None).await.status(), 401);
}

#[tokio::test]
async fn an_access_token_lasts_five_minutes() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    world.seconds.fetch_add(301, Ordering::SeqCst);
    let answer = world.aisp(Method::GET, "/accounts", &grant.access, None).await;
    assert_eq!((answer.status().as_u16(), answer.content_length()), (401, Some(0)));
    assert_eq!(world.refresh(&grant.refresh).await.0, 200);
}

#[tokio::test]
async fn a_deleted_consent_is_gone_with_its_tokens() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = format!("/account-access-consents/{}", grant.consent);
    let deleted = world.aisp(Method::DELETE, &path, &world.client_token().await, None).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(world.consent_status(&grant.consent).await.0, 400);
    assert_eq!(world.aisp(Method::GET, "/accounts", &grant.access, None).await.status(), 401);
    assert_eq!(world.refresh(&grant.refresh).await.0, 400);
}

#[tokio::test]
async fn an_expired_consent_says_so_and_opens_nothing() {
    let world = World::new().await;
    let body = json!({
        "Data": { "Permissions": EVERYTHING, "ExpirationDateTime": "2026-03-18T12:02:00+00:00" }, "Risk": {}
    });
    let answer =
        world.aisp(Method::POST, "/account-access-consents", &world.client_token().await, Some(body)).await;
    let consent = text(&answer.json::<Value>().await.unwrap()["Data"]["ConsentId"]);
    let back = world.decide(&consent, "approve", 9).await;
    let tokens = world.redeem(&query_of(&back, "code")).await.1;
    world.seconds.fetch_add(120, Ordering::SeqCst);
    assert_eq!(world.consent_status(&consent).await, (200, json!("EXPD")));
    assert_eq!(
        world.aisp(Method::GET, "/accounts", &text(&tokens["access_token"]), None).await.status(),
        401
    );
}

#[tokio::test]
async fn requests_for_consents_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let token = world.client_token().await;
    for body in [
        json!({ "Data": { "Permissions": ["ReadBalances"] }, "Risk": {} }),
        json!({ "Data": { "Permissions": ["ReadAccountsBasic", "ReadTransactionsBasic"] }, "Risk": {} }),
        json!({ "Data": { "Permissions": ["ReadAccountsBasic", "ReadEverything"] }, "Risk": {} }),
        json!({ "Data": { "Permissions": EVERYTHING } }),
        json!({ "Data": { "Permissions": EVERYTHING, "ExpirationDateTime": "2020-01-01T00:00:00Z" }, "Risk": {} }),
    ] {
        let answer = world.aisp(Method::POST, "/account-access-consents", &token, Some(body.clone())).await;
        assert_eq!(answer.status(), 400, "{body}");
        let errors = answer.json::<Value>().await.unwrap();
        assert_eq!(text(&errors["Errors"][0]["ErrorCode"]).len(), 4);
    }
}

#[tokio::test]
async fn consents_and_grants_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.json");
    let world = World::with(|config| config.state = Some(file.clone())).await;
    let grant = world.granted(&EVERYTHING).await;
    drop(world);
    let world = World::with(|config| config.state = Some(file.clone())).await;
    assert_eq!(world.consent_status(&grant.consent).await, (200, json!("AUTH")));
    assert_eq!(world.refresh(&grant.refresh).await.0, 200);
}
