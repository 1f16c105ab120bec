//! What the connector needs of an institution, whatever standard it speaks.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use events::{Baskets, PsuPresence};
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::SecretString;
use url::Url;

use crate::Error;

/// One institution, spoken to in its own standard.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Lodges a consent that the customer has yet to approve. Not idempotent: after an error it may or may not exist,
    /// and a new one is made.
    ///
    /// # Errors
    /// [`Error`], never repeated in place.
    async fn create_consent(&self, terms: &ConsentTerms<'_>) -> Result<InstitutionConsent, Error>;

    /// Where to send the customer's browser.
    ///
    /// # Errors
    /// [`Error`] when the institution has to be asked for its endpoints and does not answer.
    async fn authorisation_url(&self, request: &AuthorisationRequest<'_>) -> Result<Url, Error>;

    /// Redeems the code of a callback (RFC 6749 §4.1.3 with RFC 7636). A code can be redeemed once, so after an
    /// uncertain end the customer has to start again.
    ///
    /// # Errors
    /// [`Error::Unauthorised`] when code, verifier or redirect URI are refused.
    async fn exchange_code(
        &self,
        code: &str,
        verifier: &SecretString,
        redirect_uri: &Url,
    ) -> Result<Tokens, Error>;

    /// The issuer that the callback's `iss` must equal, character by character (RFC 9207 §2.4).
    fn issuer(&self) -> &str;

    /// Redeems a refresh token. It may rotate: whatever comes back is to be stored before anything else is done, and
    /// the old one is not to be used again.
    ///
    /// # Errors
    /// [`Error::Unauthorised`] when the institution no longer knows the token.
    async fn refresh(&self, refresh: &SecretString) -> Result<Tokens, Error>;

    /// How the institution sees the consent.
    ///
    /// # Errors
    /// [`Error`].
    async fn consent_status(&self, id: &str) -> Result<RemoteStatus, Error>;

    /// Ends the consent at the institution; one that is gone already counts as ended.
    ///
    /// # Errors
    /// [`Error`]; safe to repeat.
    async fn revoke(&self, id: &str) -> Result<(), Error>;

    /// The accounts the customer chose to share.
    ///
    /// # Errors
    /// [`Error`].
    async fn accounts(&self, access: &Access<'_>) -> Result<Vec<FetchedAccount>, Error>;

    /// The balances of an account, on one page.
    ///
    /// # Errors
    /// [`Error`].
    async fn balances(&self, access: &Access<'_>, source_account_id: &str) -> Result<Page, Error>;

    /// One page of the transactions booked from the first to the last day of `span`, both included: the first page,
    /// or the one that `next` of the page before names. [`crate::Walk`] bounds the walk.
    ///
    /// # Errors
    /// [`Error::HostilePagination`] when a link leads away.
    async fn transactions(
        &self,
        access: &Access<'_>,
        source_account_id: &str,
        span: (Date, Date),
        next: Option<&Url>,
    ) -> Result<Page, Error>;
}

/// What a consent is to cover.
#[derive(Debug, Clone, Copy)]
pub struct ConsentTerms<'a> {
    /// The data.
    pub baskets: &'a Baskets,
    /// Until when.
    pub expires_at: Timestamp,
    /// The first booking day, none for all there is.
    pub history_from: Option<Date>,
}

/// A consent as the institution made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstitutionConsent {
    /// The institution's id.
    pub id: String,
    /// How it stands.
    pub status: RemoteStatus,
}

/// How an institution sees a consent.
///
/// Only [`RemoteStatus::Rejected`] and [`RemoteStatus::Expired`] are its last word; after [`RemoteStatus::Cancelled`]
/// the customer may sign in again, and [`RemoteStatus::Gone`] also comes from banks that are merely out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteStatus {
    /// The customer has not decided.
    AwaitingAuthorisation,
    /// Approved.
    Authorised,
    /// Refused or never finished.
    Rejected,
    /// Access was withdrawn at the institution.
    Cancelled,
    /// Ended by time.
    Expired,
    /// The institution does not know it (any more).
    Gone,
    /// A word that the standard does not have.
    Unknown,
}

impl RemoteStatus {
    /// The name used in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingAuthorisation => "awaiting_authorisation",
            Self::Authorised => "authorised",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }
}

/// What the customer's browser carries to the institution.
#[derive(Clone, Copy)]
pub struct AuthorisationRequest<'a> {
    /// The consent to approve, by the institution's id.
    pub institution_consent_id: &'a str,
    /// Comes back with the callback.
    pub state: &'a str,
    /// Comes back inside the id token.
    pub nonce: &'a str,
    /// SHA-256 of the verifier, base64url without padding (RFC 7636 §4.2).
    pub code_challenge: &'a str,
    /// Where the institution sends the browser afterwards, as registered there.
    pub redirect_uri: &'a Url,
}

/// What a code or a refresh token was redeemed for.
#[derive(Debug)]
pub struct Tokens {
    /// Opens the customer's data.
    pub access: SecretString,
    /// How long it does.
    pub access_expires_in: Duration,
    /// Gets the next ones; none where the institution gave none (with a refresh: the old one stays valid).
    pub refresh: Option<SecretString>,
}

/// With what right an institution is asked for a customer's data.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The access token.
    pub token: &'a SecretString,
    /// The customer's presence; without it the call counts as unattended.
    pub psu: Option<&'a PsuPresence>,
}

/// One account as the institution listed it.
pub struct FetchedAccount {
    /// The institution's id of it under this consent.
    pub source_account_id: String,
    /// What tells the account from every other one at the institution: scheme, number, secondary id and currency.
    pub identification: SecretString,
    /// Its currency (ISO 4217), where given.
    pub currency: Option<String>,
    /// The account as the bank sent it, without the list around it.
    pub raw: Bytes,
    /// The exchange, to ask the institution about.
    pub interaction_id: Option<String>,
}

impl fmt::Debug for FetchedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FetchedAccount(..)")
    }
}

/// One page as the institution sent it.
pub struct Page {
    /// The body.
    pub body: Bytes,
    /// Rows on it.
    pub rows: usize,
    /// The page after it, checked to be at the same institution and of the same resource.
    pub next: Option<Url>,
    /// The exchange, to ask the institution about.
    pub interaction_id: Option<String>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("rows", &self.rows).finish_non_exhaustive()
    }
}
