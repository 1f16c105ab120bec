//! What goes in at the front: consents that cover the accounts, and their pages as sealed raw windows.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use events::{
    AccountKey, Basket, Baskets, Consent, ConsentId, FetchReason, InstitutionId, JobId, RawKind, RawWindow,
    TenantId, UserId, WindowId, avro, pages, partition_of, topics,
};
use jiff::ToSpan;
use jiff::civil::Date;
use store::{ConsentStatus, DataKey, LinkedAccount, NewJob, Transition, WindowPlan};

use super::pages::PageLine;
use super::producer::Feed;
use super::set_up::Site;

const PARTITIONS: i32 = topics::RAW_WINDOWS.partitions;

/// Consents and windows, ready to be sent.
pub(super) struct Load {
    pub(super) windows: Vec<Window>,
    pub(super) records: usize,
    pub(super) customers: Vec<Customer>,
}

/// A user with a consent of her own.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) consent: Consent,
    pub(super) job: JobId,
    pub(super) key: DataKey,
}

/// A window of one account.
#[derive(Clone)]
pub(super) struct Window {
    pub(super) customer: usize,
    pub(super) account: AccountKey,
    pub(super) days: (Date, Date),
    pub(super) rows: usize,
    pub(super) page: String,
}

impl Load {
    /// Takes pages until there are `records`, and prepares the store for them.
    pub(super) async fn build(
        site: &Site,
        lines: impl Iterator<Item = anyhow::Result<PageLine>>,
        records: usize,
    ) -> anyhow::Result<Self> {
        let mut load = Self { windows: Vec::new(), records: 0, customers: Vec::new() };
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        for line in lines {
            let line = line?;
            let customer = match users.get(&line.user) {
                Some(known) => *known,
                None => {
                    load.customers.push(customer(site, load.customers.len()).await?);
                    users.insert(line.user.clone(), load.customers.len() - 1);
                    load.customers.len() - 1
                }
            };
            let rows = line.rows();
            let Some(days) = days(&line.page) else { continue };
            let owner = &load.customers.get(customer).context("no customer")?.consent;
            let account = account_key(site, owner, &line.account);
            load.windows.push(Window { customer, account, days, rows, page: line.page });
            load.records += rows;
            if load.records >= records {
                break;
            }
        }
        if load.windows.is_empty() {
            bail!("there are no pages");
        }
        load.link(site).await?;
        Ok(load)
    }

    /// Tells the store which accounts the consents cover and which windows are under way.
    async fn link(&self, site: &Site) -> anyhow::Result<()> {
        let now = site.clock.now();
        for (index, customer) in self.customers.iter().enumerate() {
            let windows: Vec<&Window> =
                self.windows.iter().filter(|window| window.customer == index).collect();
            link(site, customer, windows.iter().map(|window| window.account)).await?;
            let plans: Vec<WindowPlan> = windows.iter().map(|window| plan(customer, window)).collect();
            site.store.jobs().plan(customer.job, 1, &plans, now).await?;
        }
        Ok(())
    }

    /// Sends every window.
    pub(super) async fn send(&self, site: &Site, feed: &Feed) -> anyhow::Result<()> {
        for window in &self.windows {
            let customer = self.customers.get(window.customer).context("no customer")?;
            send(site, feed, customer, window).await?;
        }
        feed.drain().await
    }
}

/// Seals a window and sends it to where its account belongs.
pub(super) async fn send(
    site: &Site,
    feed: &Feed,
    customer: &Customer,
    window: &Window,
) -> anyhow::Result<()> {
    let value = avro::frame(site.raw_schema, &avro::encode(&raw(site, customer, window)?)?);
    let partition = partition_of(window.account.uuid(), PARTITIONS);
    feed.send(&site.topic(&topics::RAW_WINDOWS), partition, &window.account.to_string(), &value).await
}

fn raw(site: &Site, customer: &Customer, window: &Window) -> anyhow::Result<RawWindow> {
    let consent = &customer.consent;
    let window_id = window_id(customer, window);
    let packed = zstd::bulk::compress(&pages::pack([window.page.as_bytes()]), 3)?;
    Ok(RawWindow {
        window_id,
        job_id: customer.job,
        attempt: 1,
        kind: RawKind::Transactions,
        standard: "uk-ob-4.0".to_owned(),
        consent_id: consent.consent_id,
        epoch: consent.epoch,
        tenant_id: consent.tenant_id.clone(),
        user_id: consent.user_id.clone(),
        institution_id: consent.institution_id.clone(),
        account_key: window.account,
        source_account_id: "bench".to_owned(),
        from: Some(window.days.0),
        to: Some(window.days.1),
        complete: true,
        fetched_at: site.clock.now(),
        interaction_id: None,
        payload: customer.key.seal(window_id.uuid().as_bytes(), &packed)?,
    })
}

fn window_id(customer: &Customer, window: &Window) -> WindowId {
    WindowId::derive(
        customer.job,
        window.account,
        &format!("{}-{}", window.rows, window.days.1),
        Some(window.days.0),
    )
}

fn plan(customer: &Customer, window: &Window) -> WindowPlan {
    WindowPlan {
        window_id: window_id(customer, window),
        account_key: window.account,
        kind: RawKind::Transactions,
        from: Some(window.days.0),
        to: Some(window.days.1),
    }
}

/// Makes a user with an active consent and an issued job.
async fn customer(site: &Site, number: usize) -> anyhow::Result<Customer> {
    let now = site.clock.now();
    let consent = Consent {
        consent_id: ConsentId::new(now),
        epoch: 1,
        tenant_id: "bench".parse::<TenantId>()?,
        user_id: format!("user-{number}").parse::<UserId>()?,
        institution_id: "bench".parse::<InstitutionId>()?,
        baskets: Baskets::from(vec![Basket::Balances, Basket::Transactions]),
        expires_at: now + 24.hours(),
        history_from: None,
    };
    let consents = site.store.consents();
    consents.create(&consent, "bench", now, None).await?;
    let to = Transition { to: ConsentStatus::Active, actor: "bench", reason: None, now, trace: None };
    let consent = consents.transition(consent.consent_id, &to).await?.consent;
    let job = JobId::new(now);
    site.store.jobs().enqueue(&new_job(job, &consent, now)).await?;
    site.store.jobs().issue_due(now, i64::MAX, 1).await?;
    let key = site.store.vault().data_key(consent.consent_id).await?;
    Ok(Customer { consent, job, key })
}

fn new_job<'c>(job_id: JobId, consent: &'c Consent, now: jiff::Timestamp) -> NewJob<'c> {
    NewJob {
        job_id,
        consent,
        reason: FetchReason::First,
        from: None,
        psu: None,
        not_before: now,
        deadline: now + 24.hours(),
        trace: None,
    }
}

pub(super) fn account_key(site: &Site, consent: &Consent, account: &str) -> AccountKey {
    let owner = (&consent.tenant_id, &consent.user_id);
    AccountKey::derive(site.store.pseudonym_secret(), owner, &consent.institution_id, account)
}

pub(super) async fn link(
    site: &Site,
    customer: &Customer,
    accounts: impl Iterator<Item = AccountKey>,
) -> anyhow::Result<()> {
    let mut keys: Vec<AccountKey> = accounts.collect();
    keys.sort_unstable();
    keys.dedup();
    let currency = "GBP".parse()?;
    let linked: Vec<LinkedAccount> = keys
        .into_iter()
        .map(|account_key| LinkedAccount {
            account_key,
            source_account_id: account_key.to_string(),
            currency,
        })
        .collect();
    Ok(site.store.accounts().link(customer.consent.consent_id, &linked, site.clock.now()).await?)
}

/// The first and last booking day on a page.
fn days(page: &str) -> Option<(Date, Date)> {
    let values = page.split("\"BookingDateTime\"").skip(1);
    let dates = values.filter_map(|rest| rest.split('"').nth(1)?.get(..10)?.parse::<Date>().ok());
    dates.fold(None, |span, day| {
        let (first, last) = span.unwrap_or((day, day));
        Some((first.min(day), last.max(day)))
    })
}
