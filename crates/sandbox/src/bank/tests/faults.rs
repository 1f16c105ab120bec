use super::*;

#[tokio::test]
async fn faults_happen_as_often_as_asked_and_no_more() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let get = || world.aisp(Method::GET, &path, &grant.access, None);

    world.fault(json!({ "kind": "status_503", "times": 2 })).await;
    assert_eq!([get().await.status().as_u16(), get().await.status().as_u16()], [503, 503]);
    world.fault(json!({ "kind": "too_many_requests", "times": 1, "retry_after": 7 })).await;
    let limited = get().await;
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    world.fault(json!({ "kind": "truncated_body", "times": 1, "endpoint": "transactions" })).await;
    assert!(get().await.json::<Value>().await.is_err());
    world.fault(json!({ "kind": "unknown_currency", "times": 1 })).await;
    assert_eq!(
        get().await.json::<Value>().await.unwrap()["Data"]["Transaction"][0]["Amount"]["Currency"],
        "ZZZ"
    );
    world.fault(json!({ "kind": "next_to_other_host", "times": 1 })).await;
    assert!(
        text(&get().await.json::<Value>().await.unwrap()["Links"]["Next"])
            .starts_with("https://elsewhere.invalid")
    );
    world.fault(json!({ "kind": "next_cycle", "times": 1 })).await;
    let cycle = get().await.json::<Value>().await.unwrap();
    assert_eq!(cycle["Links"]["Next"], cycle["Links"]["Self"]);
    let clean = get().await.json::<Value>().await.unwrap();
    assert_ne!(clean["Links"]["Next"], clean["Links"]["Self"]);
}

#[tokio::test]
async fn a_row_can_be_made_to_stand_on_two_pages() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    let path = world.transactions_path(&grant).await;
    let clean = world.walk(&path, &grant).await;
    world.fault(json!({ "kind": "duplicate_row_on_two_pages", "times": 1 })).await;
    let doubled = world.walk(&path, &grant).await;
    assert_eq!(doubled.len(), clean.len() + 1);
    assert_eq!(doubled[49], doubled[50]);
}

#[tokio::test]
async fn faults_of_the_token_endpoint_and_of_one_customer_spare_the_rest() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    world
        .fault(json!({ "kind": "status_503", "times": 9, "customer": world.bank.customers[1].username }))
        .await;
    assert_eq!(world.aisp(Method::GET, "/accounts", &grant.access, None).await.status(), 200);
    world.fault(json!({ "kind": "token_endpoint_500", "times": 1 })).await;
    assert_eq!(world.refresh(&grant.refresh).await.0, 500);
    let (status, fresh) = world.refresh(&grant.refresh).await;
    assert_eq!(status, 200);
    world.fault(json!({ "kind": "token_answer_lost", "times": 1 })).await;
    let token = text(&fresh["refresh_token"]);
    assert_eq!([world.refresh(&token).await.0, world.refresh(&token).await.0], [500, 400]);
}

#[tokio::test]
async fn a_slow_answer_comes_complete() {
    let world = World::new().await;
    let grant = world.granted(&EVERYTHING).await;
    world.fault(json!({ "kind": "slow", "times": 1, "millis": 150 })).await;
    let started = std::time::Instant::now();
    assert_eq!(world.aisp(Method::GET, "/accounts", &grant.access, None).await.status(), 200);
    assert!(started.elapsed().as_millis() >= 150);
}
