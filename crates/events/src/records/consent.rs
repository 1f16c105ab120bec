//! What happens to a consent.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::serde::timestamp::microsecond;
use serde::{Deserialize, Serialize};

use super::dates;
use crate::{Baskets, ConsentId, EventId, InstitutionId, TenantId, UserId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentEventType {
    /// Asked for; nothing may be fetched yet.
    Created,
    /// Approved at the institution: fetching starts.
    Authorised,
    /// Refused at the institution.
    Denied,
    /// The authorisation could not be finished.
    Failed,
    /// Approved again under the same id.
    Renewed,
    /// Fetching stops until the customer signs in again; the data stays.
    NeedsReauthorisation,
    /// Will end soon.
    Expiring,
    /// Ended by time: the data is erased.
    Expired,
    /// Ended by the customer or the bank: the data is erased.
    Revoked,
    /// Replaced by a newer consent; the data stays with that one.
    Superseded,
    /// Erasure is complete.
    DataDeleted,
}

/// The terms of a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The consent; kept when it is renewed.
    pub consent_id: ConsentId,
    /// Raised by every change after which older fetches must not land.
    pub epoch: i64,
    /// Whose customer.
    pub tenant_id: TenantId,
    /// The customer.
    pub user_id: UserId,
    /// Where the data is held.
    pub institution_id: InstitutionId,
    /// What may be fetched.
    pub baskets: Baskets,
    /// When it ends.
    #[serde(with = "microsecond::required")]
    pub expires_at: Timestamp,
    /// No transaction booked before this day is fetched or stored.
    #[serde(with = "dates::optional", default)]
    pub history_from: Option<Date>,
}

/// A move of a consent, published by the connector after the fact or by a bank system to bring it about
/// (`created` and `revoked` only).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEvent {
    /// The same for every duplicate.
    pub event_id: EventId,
    /// What happened.
    pub event_type: ConsentEventType,
    /// When.
    #[serde(with = "microsecond::required")]
    pub occurred_at: Timestamp,
    /// Who moved it: `user`, `bank`, `institution`, `clock` or an operator's name.
    pub actor: String,
    /// Why, as a code.
    #[serde(default)]
    pub reason: Option<String>,
    /// Status before the move; none for a new consent or in a bank system's request.
    #[serde(default)]
    pub before: Option<String>,
    /// Status after the move.
    pub after: String,
    /// The terms.
    pub consent: Consent,
}
