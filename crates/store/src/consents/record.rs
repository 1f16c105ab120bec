//! A consent's row.

use events::{Basket, Baskets, Consent, ConsentId};
use jiff::Timestamp;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::ConsentStatus;
use crate::StoreError;

/// A consent as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Its terms and its epoch.
    pub consent: Consent,
    /// Where it stands with us.
    pub status: ConsentStatus,
    /// The institution's id for it.
    pub institution_consent_id: Option<String>,
    /// Where it stood with the institution when last seen.
    pub institution_status: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was first approved.
    pub authorised_at: Option<Timestamp>,
    /// When it last moved.
    pub status_changed_at: Timestamp,
    /// When its erasure was complete.
    pub erased_at: Option<Timestamp>,
    /// Transactions its erasure deleted.
    pub deleted_rows: Option<i64>,
}

/// The columns [`from_row`] reads, of a table or alias in scope.
macro_rules! consent_columns {
    () => {
        "consent_id, epoch, tenant_id, user_id, institution_id, baskets, expires_at, history_from, status, \
         institution_consent_id, institution_status, created_at, authorised_at, status_changed_at, erased_at, \
         deleted_rows"
    };
}
pub(super) use consent_columns;

pub(super) fn from_row(row: &PgRow) -> Result<ConsentRecord, StoreError> {
    let time = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        Ok(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column)?.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let always = |column: &str| time(column)?.ok_or_else(|| StoreError::bug("consent without a time"));
    Ok(ConsentRecord {
        consent: consent_from_row(row)?,
        status: row.try_get::<&str, _>("status")?.parse().map_err(StoreError::bug)?,
        institution_consent_id: row.try_get("institution_consent_id")?,
        institution_status: row.try_get("institution_status")?,
        created_at: always("created_at")?,
        authorised_at: time("authorised_at")?,
        status_changed_at: always("status_changed_at")?,
        erased_at: time("erased_at")?,
        deleted_rows: row.try_get("deleted_rows")?,
    })
}

fn consent_from_row(row: &PgRow) -> Result<Consent, StoreError> {
    let baskets: Vec<String> = row.try_get("baskets")?;
    let baskets: Vec<Basket> =
        baskets.iter().map(|name| name.parse()).collect::<Result<_, _>>().map_err(StoreError::bug)?;
    Ok(Consent {
        consent_id: ConsentId::from_uuid(row.try_get("consent_id")?),
        epoch: row.try_get("epoch")?,
        tenant_id: row.try_get::<&str, _>("tenant_id")?.parse().map_err(StoreError::bug)?,
        user_id: row.try_get::<&str, _>("user_id")?.parse().map_err(StoreError::bug)?,
        institution_id: row.try_get::<&str, _>("institution_id")?.parse().map_err(StoreError::bug)?,
        baskets: Baskets::from(baskets),
        expires_at: row.try_get::<jiff_sqlx::Timestamp, _>("expires_at")?.to_jiff(),
        history_from: row
            .try_get::<Option<jiff_sqlx::Date>, _>("history_from")?
            .map(jiff_sqlx::Date::to_jiff),
    })
}
