//! Reads for people and services: only under consents that are readable, not expired and hold the basket.

mod accounts;
mod transactions;

use events::{
    AccountKey, AccountStatus, AccountType, Balance, ConsentId, Currency, Enrichment, ForeignExchange,
    HolderKind, InstitutionId, TenantId, TransactionId, TransactionStatus, UserId, WindowId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::{Store, StoreError};

/// Reads for people and services.
pub struct Queries<'a>(pub(crate) &'a Store);

/// Which transactions to read; newest first.
#[derive(Debug, Clone)]
pub struct TransactionFilter {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
    /// Only of this account.
    pub account: Option<AccountKey>,
    /// Only of this category: a leaf or a group of the taxonomy.
    pub category: Option<String>,
    /// Only those that stand here.
    pub status: Option<TransactionStatus>,
    /// At most so many.
    pub limit: i64,
    /// Only those after this one: `day` and id of the last one of the page before.
    pub after: Option<(Date, TransactionId)>,
}

/// A transaction as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredTransaction {
    /// Ours.
    pub transaction_id: TransactionId,
    /// The account.
    pub account_key: AccountKey,
    /// Where the data is held.
    pub institution_id: InstitutionId,
    /// The consent that brought it.
    pub consent_id: ConsentId,
    /// The fetch that brought it.
    pub window_id: WindowId,
    /// The day it is listed under: booking day, else value day, else day of the act, else day of the fetch.
    pub day: Date,
    /// How final it is.
    pub status: TransactionStatus,
    /// Whether the bank may still change it.
    pub mutable: bool,
    /// Signed from the holder's view.
    pub amount: Decimal,
    /// The currency of the amount.
    pub currency: Currency,
    /// The bank's booking date.
    pub booking_date: Option<Date>,
    /// The bank's value date.
    pub value_date: Option<Date>,
    /// The day the customer acted.
    pub transaction_date: Option<Date>,
    /// The instant of booking, where the bank gives one.
    pub booked_at: Option<Timestamp>,
    /// The bank's text.
    pub description: String,
    /// The bank's reference.
    pub reference: Option<String>,
    /// The other side's name.
    pub counterparty_name: Option<String>,
    /// The other side's account.
    pub counterparty_account: Option<String>,
    /// The merchant's name by the bank.
    pub merchant_name: Option<String>,
    /// Merchant category code (ISO 18245).
    pub mcc: Option<String>,
    /// Bank transaction code (ISO 20022).
    pub bank_code: Option<String>,
    /// The bank's own code.
    pub proprietary_code: Option<String>,
    /// Purpose code (ISO 20022).
    pub purpose_code: Option<String>,
    /// The purchase in its own currency.
    pub foreign_exchange: Option<ForeignExchange>,
    /// The balance after this row.
    pub balance_after: Option<Decimal>,
    /// What was found out about it.
    pub enrichment: Enrichment,
    /// When the institution gave it.
    pub fetched_at: Timestamp,
    /// When it was stored in this form.
    pub landed_at: Timestamp,
}

/// Shows ids only: the rest is personal.
impl std::fmt::Debug for StoredTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredTransaction")
            .field("transaction_id", &self.transaction_id)
            .finish_non_exhaustive()
    }
}

/// An account as it is stored, with its balances and how fresh it is.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAccount {
    /// The account.
    pub account_key: AccountKey,
    /// Where it is held.
    pub institution_id: InstitutionId,
    /// The readable consents that cover it.
    pub consent_ids: Vec<ConsentId>,
    /// What kind; none until its details have landed, like the next four.
    pub account_type: Option<AccountType>,
    /// Who holds it.
    pub holder_kind: Option<HolderKind>,
    /// Whether it can be used.
    pub status: Option<AccountStatus>,
    /// A name to show.
    pub display_name: Option<String>,
    /// The number, masked.
    pub masked_number: Option<String>,
    /// Its currency.
    pub currency: Currency,
    /// Its balances, where a consent covers them.
    pub balances: Vec<Balance>,
    /// When the institution last answered for it with something that has landed.
    pub fetched_at: Option<Timestamp>,
    /// When that landed.
    pub landed_at: Option<Timestamp>,
    /// When the next fetch is planned, if one is.
    pub next_scheduled_at: Option<Timestamp>,
}

/// Shows the key only: the rest is personal.
impl std::fmt::Debug for StoredAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredAccount").field("account_key", &self.account_key).finish_non_exhaustive()
    }
}

impl Queries<'_> {
    /// A customer's transactions, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn transactions(
        &self,
        tenant: &TenantId,
        user: &UserId,
        filter: &TransactionFilter,
        now: Timestamp,
    ) -> Result<Vec<StoredTransaction>, StoreError> {
        self.0.within(transactions::read(self.0, tenant, user, filter, now)).await
    }

    /// A customer's accounts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn accounts(
        &self,
        tenant: &TenantId,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<StoredAccount>, StoreError> {
        self.0.within(accounts::read(self.0, tenant, user, now)).await
    }
}
