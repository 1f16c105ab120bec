//! A transaction as the API shows it.

use events::{Currency, Evidence, Money};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use store::StoredTransaction;
use utoipa::ToSchema;
use uuid::Uuid;

/// An amount, exact.
#[derive(Serialize, ToSchema)]
pub(crate) struct AmountView {
    /// Decimal text, signed from the holder's view: `-4.50` is money that went out.
    #[schema(value_type = String, example = "-4.50")]
    pub(crate) amount: Decimal,
    /// ISO 4217.
    #[schema(example = "GBP")]
    pub(crate) currency: &'static str,
}

impl AmountView {
    /// With the decimal places of the currency, or as many more as are significant; the store keeps no trailing zeros
    /// apart from other ones.
    pub(crate) fn new(amount: Decimal, currency: Currency) -> Self {
        let amount = Money::new(amount, currency).map_or(amount, |money| money.amount());
        Self { amount, currency: currency.code() }
    }
}

/// One transaction: what the bank said and what was found out.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransactionView {
    /// Stays the same from pending to booked.
    id: Uuid,
    /// The account's key.
    account: Uuid,
    /// Where the account is held.
    institution: String,
    /// `pending`, `booked`, `informational`, `rejected` or `retracted`.
    status: &'static str,
    /// Whether the bank may still change it.
    mutable: bool,
    /// The money.
    #[serde(flatten)]
    money: AmountView,
    /// The bank's booking date; expected while pending.
    booking_date: Option<Date>,
    /// The bank's value date.
    value_date: Option<Date>,
    /// The day the customer acted.
    transaction_date: Option<Date>,
    /// The instant of booking, where the bank gives one.
    booked_at: Option<Timestamp>,
    /// The bank's text.
    description: String,
    /// Text to show.
    clean_description: String,
    /// The bank's reference.
    reference: Option<String>,
    /// The other side, as the bank gives it.
    counterparty: Option<CounterpartyView>,
    /// The merchant, where it is certain.
    merchant: Option<MerchantView>,
    /// The payment service in between.
    processor: Option<String>,
    /// How it was paid.
    channel: Option<String>,
    /// What it was for.
    category: CategoryView,
    /// Findings.
    flags: FlagsView,
    /// The bank's own codes.
    codes: CodesView,
    /// The purchase in its own currency.
    foreign_exchange: Option<ExchangeView>,
    /// The balance after it, in the account's currency.
    #[schema(value_type = Option<String>)]
    balance_after: Option<Decimal>,
    /// Which fetch it comes from.
    origin: OriginView,
}

/// The other side.
#[derive(Serialize, ToSchema)]
pub(crate) struct CounterpartyView {
    /// Its name.
    name: Option<String>,
    /// Its account.
    account: Option<String>,
}

/// A merchant.
#[derive(Serialize, ToSchema)]
pub(crate) struct MerchantView {
    /// Stable id.
    id: String,
    /// Name to show.
    name: String,
    /// Its website.
    website: Option<String>,
    /// A link to its logo.
    logo_url: Option<String>,
}

/// A category with how it was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct CategoryView {
    /// Group of the taxonomy.
    #[schema(example = "FOOD")]
    primary: String,
    /// Leaf of the taxonomy.
    #[schema(example = "groceries")]
    detailed: String,
    /// How sure, from 0 to 1, as decimal text.
    #[schema(example = "0.97")]
    confidence: String,
    /// Which step decided.
    source: String,
    /// Why; never empty.
    why: Vec<EvidenceView>,
    /// Version of the taxonomy.
    taxonomy_version: String,
    /// Version of the engine.
    engine_version: String,
}

/// One reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    /// The rule, table entry or code that spoke.
    rule: String,
    /// The words it matched.
    matched: Option<String>,
}

/// Yes-or-no findings.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, each a field of the public contract"
)]
pub(crate) struct FlagsView {
    recurring: bool,
    subscription: bool,
    refund: bool,
    own_transfer: bool,
}

/// The bank's own codes.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodesView {
    /// Merchant category code (ISO 18245).
    mcc: Option<String>,
    /// Bank transaction code (ISO 20022).
    bank: Option<String>,
    /// The bank's own code.
    proprietary: Option<String>,
    /// Purpose code (ISO 20022).
    purpose: Option<String>,
}

/// The purchase in its own currency.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExchangeView {
    #[serde(flatten)]
    money: AmountView,
    /// Rate as the bank wrote it.
    rate: Option<String>,
}

/// Where a record comes from.
#[derive(Serialize, ToSchema)]
pub(crate) struct OriginView {
    /// The consent that brought it.
    consent: Uuid,
    /// The window of the fetch.
    window: Uuid,
    /// When the institution gave it.
    fetched_at: Timestamp,
    /// When it was stored in this form.
    landed_at: Timestamp,
}

impl From<StoredTransaction> for TransactionView {
    fn from(row: StoredTransaction) -> Self {
        let found = row.enrichment;
        let named = row.counterparty_name.is_some() || row.counterparty_account.is_some();
        Self {
            id: row.transaction_id.uuid(),
            account: row.account_key.uuid(),
            institution: row.institution_id.to_string(),
            status: row.status.name(),
            mutable: row.mutable,
            money: AmountView::new(row.amount, row.currency),
            booking_date: row.booking_date,
            value_date: row.value_date,
            transaction_date: row.transaction_date,
            booked_at: row.booked_at,
            description: row.description,
            clean_description: found.clean_description,
            reference: row.reference,
            counterparty: named.then_some(CounterpartyView {
                name: row.counterparty_name,
                account: row.counterparty_account,
            }),
            merchant: found.merchant.map(Into::into),
            processor: found.processor,
            channel: found.channel,
            category: CategoryView {
                primary: found.category_primary,
                detailed: found.category_detailed,
                confidence: confidence(found.confidence_permille),
                source: found.source,
                why: found.why.into_iter().map(Into::into).collect(),
                taxonomy_version: found.taxonomy_version,
                engine_version: found.engine_version,
            },
            flags: FlagsView {
                recurring: found.flags.recurring,
                subscription: found.flags.subscription,
                refund: found.flags.refund,
                own_transfer: found.flags.own_transfer,
            },
            codes: CodesView {
                mcc: row.mcc,
                bank: row.bank_code,
                proprietary: row.proprietary_code,
                purpose: row.purpose_code,
            },
            foreign_exchange: row.foreign_exchange.map(|exchange| ExchangeView {
                money: AmountView::new(exchange.amount, exchange.currency),
                rate: exchange.rate,
            }),
            balance_after: row.balance_after.map(|balance| AmountView::new(balance, row.currency).amount),
            origin: OriginView {
                consent: row.consent_id.uuid(),
                window: row.window_id.uuid(),
                fetched_at: row.fetched_at,
                landed_at: row.landed_at,
            },
        }
    }
}

impl From<events::Merchant> for MerchantView {
    fn from(merchant: events::Merchant) -> Self {
        Self { id: merchant.id, name: merchant.name, website: merchant.website, logo_url: merchant.logo_url }
    }
}

impl From<Evidence> for EvidenceView {
    fn from(evidence: Evidence) -> Self {
        Self { rule: evidence.rule, matched: evidence.matched }
    }
}

/// Thousandths as decimal text with two places at least: 970 is `0.97`.
fn confidence(permille: i32) -> String {
    let mut share = Decimal::new(permille.into(), 3).normalize();
    if share.scale() < 2 {
        share.rescale(2);
    }
    share.to_string()
}

#[cfg(test)]
mod tests {
    use super::confidence;

    #[test]
    fn confidence_is_decimal_text() {
        let read: Vec<_> = [970, 985, 1000, 500, 0].into_iter().map(confidence).collect();
        assert_eq!(read, ["0.97", "0.985", "1.00", "0.50", "0.00"]);
    }
}
