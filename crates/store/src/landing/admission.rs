//! Which records of a batch may be stored. The consents are held until the batch is committed, so that no move of one
//! of them is overtaken.

use std::collections::{HashMap, HashSet};

use events::{AccountKey, ConsentId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::row::Record;
use super::{Refusal, Refused};
use crate::StoreError;

/// The records of a batch by their places.
pub(super) struct Admission {
    pub(super) admitted: Vec<usize>,
    pub(super) refused: Vec<Refused>,
}

/// What a consent allows.
struct Terms {
    live: bool,
    epoch: i64,
    has_basket: bool,
    history_from: Option<Date>,
}

pub(super) async fn admit<R: Record>(
    connection: &mut PgConnection,
    rows: &[R],
    now: Timestamp,
) -> Result<Admission, StoreError> {
    let covers: HashSet<_> =
        rows.iter().map(|row| (row.provenance().consent_id, row.account_key())).collect();
    let terms =
        hold_consents(connection, covers.iter().map(|(consent, _)| consent.uuid()), R::BASKET.name(), now)
            .await?;
    let links = links(connection, covers).await?;
    let mut admission = Admission { admitted: Vec::with_capacity(rows.len()), refused: Vec::new() };
    for (index, row) in rows.iter().enumerate() {
        match judge(row, &terms, &links) {
            Ok(()) => admission.admitted.push(index),
            Err(reason) => admission.refused.push(Refused { index, reason }),
        }
    }
    Ok(admission)
}

fn judge<R: Record>(
    row: &R,
    terms: &HashMap<ConsentId, Terms>,
    links: &HashSet<(ConsentId, AccountKey)>,
) -> Result<(), Refusal> {
    let consent = row.provenance().consent_id;
    let terms = terms.get(&consent).filter(|terms| terms.live).ok_or(Refusal::ConsentEnded)?;
    if terms.epoch != row.provenance().epoch {
        return Err(Refusal::OtherEpoch);
    }
    if !terms.has_basket {
        return Err(Refusal::BasketMissing);
    }
    if !links.contains(&(consent, row.account_key())) {
        return Err(Refusal::NotLinked);
    }
    match (row.day(), terms.history_from) {
        (Some(day), Some(first)) if day < first => Err(Refusal::BeforeHistory),
        _ => Ok(()),
    }
}

async fn hold_consents(
    connection: &mut PgConnection,
    consents: impl Iterator<Item = Uuid>,
    basket: &str,
    now: Timestamp,
) -> Result<HashMap<ConsentId, Terms>, StoreError> {
    let rows = sqlx::query(
        "SELECT consent_id, epoch, history_from, $2 = ANY(baskets) AS has_basket, \
         status IN ('active', 'needs_reauthorisation') AND expires_at > $3 AS live \
         FROM consents WHERE consent_id = ANY($1) ORDER BY consent_id FOR SHARE",
    )
    .bind(consents.collect::<HashSet<_>>().into_iter().collect::<Vec<_>>())
    .bind(basket)
    .bind(now.to_sqlx())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let terms = Terms {
                live: row.try_get("live")?,
                epoch: row.try_get("epoch")?,
                has_basket: row.try_get("has_basket")?,
                history_from: row
                    .try_get::<Option<jiff_sqlx::Date>, _>("history_from")?
                    .map(jiff_sqlx::Date::to_jiff),
            };
            Ok((ConsentId::from_uuid(row.try_get("consent_id")?), terms))
        })
        .collect()
}

async fn links(
    connection: &mut PgConnection,
    wanted: HashSet<(ConsentId, AccountKey)>,
) -> Result<HashSet<(ConsentId, AccountKey)>, StoreError> {
    let (consents, accounts): (Vec<Uuid>, Vec<Uuid>) =
        wanted.into_iter().map(|(consent, account)| (consent.uuid(), account.uuid())).unzip();
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT consent_id, account_key FROM consent_accounts \
         JOIN unnest($1::uuid[], $2::uuid[]) AS wanted (consent_id, account_key) USING (consent_id, account_key)",
    )
    .bind(consents)
    .bind(accounts)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(consent, account)| (ConsentId::from_uuid(consent), AccountKey::from_uuid(account)))
        .collect())
}

/// Answers refused records with tombstones, so that what slipped through the stages while a consent ended does not stay
/// in a compacted topic. Where a live consent still covers what is stored under the key, the key stays.
pub(super) async fn bury<R: Record>(
    connection: &mut PgConnection,
    rows: &[R],
    refused: &[Refused],
    now: Timestamp,
) -> Result<(), StoreError> {
    let buried: HashMap<Uuid, Uuid> = refused
        .iter()
        .filter_map(|refused| rows.get(refused.index))
        .map(|row| (row.key(), row.account_key().uuid()))
        .collect();
    if buried.is_empty() {
        return Ok(());
    }
    let (keys, accounts): (Vec<Uuid>, Vec<Uuid>) = buried.into_iter().unzip();
    sqlx::query(
        "INSERT INTO outbox (topic, key, partition_key, event_id, created_at) \
         SELECT $1, r.key, r.account_key, r.key, $5 FROM unnest($2::uuid[], $3::uuid[]) AS r (key, account_key) \
         WHERE NOT EXISTS ( \
           SELECT 1 FROM consent_accounts a JOIN consents c USING (consent_id) \
           LEFT JOIN transactions t ON t.transaction_id = r.key \
           WHERE a.account_key = r.account_key AND c.status IN ('active', 'needs_reauthorisation') \
             AND c.expires_at > $5 AND $4 = ANY(c.baskets) \
             AND ($4 <> 'transactions' OR t.day >= coalesce(c.history_from, '-infinity')))",
    )
    .bind(R::TOPIC.name)
    .bind(keys)
    .bind(accounts)
    .bind(R::BASKET.name())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}
