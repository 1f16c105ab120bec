use std::collections::BTreeSet;

use events::{
    Consent, EnrichedTransaction, FetchJob, FetchOutcome, FetchReason, JobId, OutcomeKind, PsuPresence,
    RawKind, WindowId, topics,
};

use super::world::{
    DAY, account, active, consent, decoded, details, drain, in_hours, land, moved, now, on, tenant,
    transaction, user,
};
use crate::testing::fresh;
use crate::{
    Begin, ConsentStatus, Enqueued, JobProgress, JobState, NewJob, Reissued, Store, StoreError, WindowPlan,
};

fn job(consent: &Consent, reason: FetchReason) -> NewJob<'_> {
    NewJob {
        job_id: JobId::new(now()),
        consent,
        reason,
        from: Some(DAY),
        psu: None,
        not_before: now(),
        deadline: in_hours(1),
        trace: Some("trace".to_owned()),
    }
}

fn window(job: JobId, n: u8, kind: RawKind) -> WindowPlan {
    WindowPlan {
        window_id: WindowId::derive(job, account(n), kind.name(), Some(DAY)),
        account_key: account(n),
        kind,
        from: Some(DAY),
        to: None,
    }
}

/// Records of a window, in order.
fn records(terms: &Consent, job: JobId, attempt: i32, n: u8, length: i32) -> Vec<EnrichedTransaction> {
    (0..length)
        .map(|sequence| {
            let mut row = transaction(terms, account(n), sequence.cast_unsigned());
            let from = &mut row.transaction.provenance;
            from.job_id = job;
            from.window_id = window(job, n, RawKind::Transactions).window_id;
            (from.attempt, from.sequence, from.length) = (attempt, sequence, length);
            row
        })
        .collect()
}

async fn enqueue(store: &Store, job: &NewJob<'_>) -> Enqueued {
    store.jobs().enqueue(job).await.unwrap()
}

/// A job that was issued and begun, with one window of transactions for each account.
async fn fetching(store: &Store, terms: &Consent, accounts: &[u8]) -> JobId {
    let new = job(terms, FetchReason::First);
    enqueue(store, &new).await;
    assert_eq!(store.jobs().issue_due(now(), 100, 10).await.unwrap(), 1);
    assert_eq!(store.jobs().begin(new.job_id, 1, now()).await.unwrap(), Begin::Go);
    let windows: Vec<_> = accounts.iter().map(|n| window(new.job_id, *n, RawKind::Transactions)).collect();
    store.jobs().plan(new.job_id, 1, &windows, now()).await.unwrap();
    drain(store).await;
    new.job_id
}

async fn progress(store: &Store, terms: &Consent) -> JobProgress {
    store.jobs().progress(&tenant(), terms.consent_id).await.unwrap()
}

async fn outcomes(store: &Store) -> Vec<FetchOutcome> {
    on(&topics::FETCH_OUTCOMES, &drain(store).await).into_iter().map(decoded).collect()
}

#[tokio::test]
async fn one_job_is_open_per_consent_and_the_more_urgent_takes_it_over() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[]).await;
    let batch = NewJob { not_before: in_hours(5), deadline: in_hours(6), ..job(&terms, FetchReason::Batch) };
    assert_eq!(enqueue(&store, &batch).await, Enqueued::New(batch.job_id));
    assert_eq!(enqueue(&store, &batch).await, Enqueued::Joined(batch.job_id));
    assert_eq!(store.jobs().issue_due(now(), 100, 10).await.unwrap(), 0);
    let psu = PsuPresence { ip_address: "192.0.2.7".to_owned(), user_agent: None };
    let attended = NewJob { psu: Some(psu.clone()), ..job(&terms, FetchReason::Attended) };
    assert_eq!(enqueue(&store, &attended).await, Enqueued::Joined(batch.job_id));
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT psu FROM fetch_jobs").fetch_one(&store.pool).await.unwrap();
    assert!(!sealed.windows(9).any(|bytes| bytes == b"192.0.2.7"));

    drain(&store).await;
    assert_eq!(store.jobs().issue_due(now(), 100, 10).await.unwrap(), 1);
    let messages = drain(&store).await;
    let issued: FetchJob = decoded(on(&topics::FETCH_JOBS_ATTENDED, &messages)[0]);
    assert_eq!((issued.job_id, issued.attempt, issued.psu), (batch.job_id, 1, Some(psu)));
    assert_eq!((issued.from, issued.deadline), (Some(DAY), in_hours(1)));
    assert_eq!((issued.user_id, issued.epoch), (user(), terms.epoch));
}

#[tokio::test]
async fn the_perishable_is_issued_first_and_nothing_while_too_much_is_under_way() {
    let store = fresh().await;
    let busy = active(&store, &consent(), &[account(1)]).await;
    fetching(&store, &busy, &[1, 2]).await;
    assert_eq!(store.jobs().open_windows().await.unwrap(), 2);
    for reason in [FetchReason::Batch, FetchReason::Attended, FetchReason::First] {
        let terms = active(&store, &consent(), &[]).await;
        enqueue(&store, &job(&terms, reason)).await;
    }
    drain(&store).await;
    assert_eq!(store.jobs().issue_due(now(), 1, 10).await.unwrap(), 0);
    for topic in [&topics::FETCH_JOBS_FIRST, &topics::FETCH_JOBS_ATTENDED, &topics::FETCH_JOBS_BATCH] {
        assert_eq!(store.jobs().issue_due(now(), 2, 1).await.unwrap(), 1);
        assert_eq!(on(topic, &drain(&store).await).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planners_that_run_at_once_issue_no_job_twice() {
    let store = fresh().await;
    for _ in 0..40 {
        let terms = active(&store, &consent(), &[]).await;
        enqueue(&store, &job(&terms, FetchReason::Batch)).await;
    }
    drain(&store).await;
    let planner = async || {
        let mut issued = 0;
        while let n @ 1.. = store.jobs().issue_due(now(), 100, 3).await.unwrap() {
            issued += n;
        }
        issued
    };
    let (a, b, c) = tokio::join!(planner(), planner(), planner());
    let messages = drain(&store).await;
    let jobs: BTreeSet<JobId> = messages.iter().map(|message| decoded::<FetchJob>(message).job_id).collect();
    assert_eq!((a + b + c, messages.len(), jobs.len()), (40, 40, 40));
}

#[tokio::test]
async fn a_job_is_done_when_its_last_record_has_landed_whatever_the_order() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1), account(2)]).await;
    let job = fetching(&store, &terms, &[1, 2]).await;
    let rows = records(&terms, job, 1, 1, 10);
    land(&store, &rows[..4]).await;
    land(&store, &rows[2..6]).await;
    // A gap waits for what fills it.
    land(&store, &rows[8..]).await;
    let after = progress(&store, &terms).await;
    assert_eq!((after.state, after.windows, after.landed, after.rows), (JobState::Fetching, 2, 0, 6));
    let mut rest = rows[6..].to_vec();
    rest.reverse();
    land(&store, &rest).await;
    assert_eq!(progress(&store, &terms).await.landed, 1);

    store.jobs().all_sent(job, 1, now()).await.unwrap();
    assert_eq!(progress(&store, &terms).await.state, JobState::Fetching);
    let empty = window(job, 2, RawKind::Transactions).window_id;
    store.jobs().close_empty(job, 1, &[empty], in_hours(2)).await.unwrap();
    let done = progress(&store, &terms).await;
    assert_eq!((done.state, done.landed, done.rows), (JobState::Done, 2, 10));
    let told = outcomes(&store).await;
    assert_eq!((told.len(), told[0].outcome, told[0].rows), (1, OutcomeKind::Completed, 10));
    let accounts = store.queries().accounts(&tenant(), &user(), now()).await.unwrap();
    let mut fresh: Vec<_> = accounts.iter().map(|account| account.fetched_at).collect();
    fresh.sort_unstable();
    assert_eq!(fresh, [Some(now()), Some(in_hours(2))]);
    // A replay of the whole window moves nothing any more.
    land(&store, &rows).await;
    assert!(outcomes(&store).await.is_empty());
}

#[tokio::test]
async fn details_close_their_window_too_and_all_sent_may_come_last() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let job = fetching(&store, &terms, &[]).await;
    let plan = window(job, 1, RawKind::Account);
    store.jobs().plan(job, 1, std::slice::from_ref(&plan), now()).await.unwrap();
    let mut row = details(&terms, account(1));
    (row.provenance.job_id, row.provenance.window_id) = (job, plan.window_id);
    store.landing().accounts("lander", &[row], &[], now()).await.unwrap();
    assert_eq!(progress(&store, &terms).await.state, JobState::Fetching);
    store.jobs().all_sent(job, 1, now()).await.unwrap();
    let done = progress(&store, &terms).await;
    assert_eq!((done.state, done.rows), (JobState::Done, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_last_windows_that_land_at_once_close_the_job() {
    let store = fresh().await;
    for _ in 0..20 {
        let terms = active(&store, &consent(), &[account(1), account(2)]).await;
        let job = fetching(&store, &terms, &[1, 2]).await;
        store.jobs().all_sent(job, 1, now()).await.unwrap();
        let (one, two) = (records(&terms, job, 1, 1, 3), records(&terms, job, 1, 2, 3));
        tokio::join!(land(&store, &one), land(&store, &two));
        assert_eq!(progress(&store, &terms).await.state, JobState::Done);
        assert_eq!(outcomes(&store).await.len(), 1);
    }
}

#[tokio::test]
async fn an_overdue_job_is_issued_again_and_given_up_after_enough_attempts() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let job = fetching(&store, &terms, &[1]).await;
    assert_eq!(store.jobs().reissue_overdue(now(), 2, 10).await.unwrap(), Reissued::default());
    let overdue = store.jobs().reissue_overdue(in_hours(1), 2, 10).await.unwrap();
    assert_eq!(overdue, Reissued { again: 1, failed: 0 });
    assert_eq!(store.jobs().open_windows().await.unwrap(), 0, "what is given up holds nothing back");
    assert_eq!(store.jobs().begin(job, 1, in_hours(1)).await.unwrap(), Begin::Stale);
    assert_eq!(store.jobs().issue_due(in_hours(1), 100, 10).await.unwrap(), 1);

    // The first attempt's records are rows like any other, but move no window of the second.
    assert_eq!(store.jobs().begin(job, 2, in_hours(1)).await.unwrap(), Begin::Go);
    let stale = store.jobs().plan(job, 1, &[], now()).await;
    assert!(matches!(stale, Err(StoreError::Conflict { .. })));
    store.jobs().plan(job, 2, &[window(job, 1, RawKind::Transactions)], now()).await.unwrap();
    assert_eq!(land(&store, &records(&terms, job, 1, 1, 5)).await.inserted, 5);
    assert_eq!((progress(&store, &terms).await.landed, progress(&store, &terms).await.rows), (0, 0));
    store.jobs().all_sent(job, 1, now()).await.unwrap();
    store.jobs().fail(job, 1, "late", now()).await.unwrap();
    drain(&store).await;
    let failed = store.jobs().reissue_overdue(in_hours(2), 2, 10).await.unwrap();
    assert_eq!(failed, Reissued { again: 0, failed: 1 });
    let told = outcomes(&store).await;
    assert_eq!(
        (told[0].outcome, told[0].reason.as_deref()),
        (OutcomeKind::Failed, Some("not_landed_in_time"))
    );
}

#[tokio::test]
async fn a_postponed_job_waits_with_its_reason_and_is_not_given_up_for_it() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let job = fetching(&store, &terms, &[1]).await;
    for attempt in 1..5 {
        store.jobs().postpone(job, attempt, in_hours(1), "rate_limited", now()).await.unwrap();
        let waiting = progress(&store, &terms).await;
        assert_eq!((waiting.state, waiting.reason.as_deref()), (JobState::Waiting, Some("rate_limited")));
        assert_eq!(store.jobs().issue_due(now(), 100, 10).await.unwrap(), 0);
        assert_eq!(store.jobs().issue_due(in_hours(1), 100, 10).await.unwrap(), 1);
    }
    assert_eq!(
        store.jobs().reissue_overdue(in_hours(9), 3, 10).await.unwrap(),
        Reissued { again: 1, failed: 0 }
    );
    assert_eq!(progress(&store, &terms).await.state, JobState::Waiting);
}

#[tokio::test]
async fn a_given_up_job_makes_room_for_the_next() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let first = fetching(&store, &terms, &[1]).await;
    store.jobs().fail(first, 1, "bank_refused", now()).await.unwrap();
    let told = outcomes(&store).await;
    assert_eq!((told[0].outcome, told[0].reason.as_deref()), (OutcomeKind::Failed, Some("bank_refused")));
    let next = job(&terms, FetchReason::Batch);
    assert_eq!(enqueue(&store, &next).await, Enqueued::New(next.job_id));
    assert_eq!(progress(&store, &terms).await.job_id, next.job_id);
}

#[tokio::test]
async fn whatever_is_open_ends_with_its_consent() {
    let store = fresh().await;
    let terms = active(&store, &consent(), &[account(1)]).await;
    let open = fetching(&store, &terms, &[1]).await;
    moved(&store, &terms, ConsentStatus::Revoked).await;
    assert_eq!(store.jobs().begin(open, 1, now()).await.unwrap(), Begin::ConsentEnded);
    assert_eq!(store.jobs().open_windows().await.unwrap(), 0);
    assert_eq!(progress(&store, &terms).await.state, JobState::Cancelled);
    assert_eq!(enqueue(&store, &job(&terms, FetchReason::Batch)).await, Enqueued::Ended);
    assert_eq!(outcomes(&store).await[0].outcome, OutcomeKind::Skipped);
    let missing = store.jobs().progress(&"other".parse().unwrap(), terms.consent_id).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
    assert_eq!(store.jobs().begin(JobId::new(now()), 1, now()).await.unwrap(), Begin::Stale);
}

#[tokio::test]
async fn a_waiting_job_is_void_once_its_consent_cannot_be_fetched_under() {
    let store = fresh().await;
    let short = Consent { expires_at: in_hours(1), ..consent() };
    let terms = active(&store, &short, &[]).await;
    let late = NewJob { not_before: in_hours(1), deadline: in_hours(2), ..job(&terms, FetchReason::Batch) };
    enqueue(&store, &late).await;
    drain(&store).await;
    assert_eq!(store.jobs().issue_due(in_hours(1), 100, 10).await.unwrap(), 0);
    assert_eq!(progress(&store, &terms).await.state, JobState::Cancelled);
    assert_eq!(outcomes(&store).await[0].reason.as_deref(), Some("consent_not_active"));
}
