//! Consents, codes, grants and tokens, and the rules by which they live and die.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::persist::{self, FileError};

/// How long an access token opens anything.
pub(super) const ACCESS_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How long a code can be redeemed (RFC 6749 §4.1.2 asks for ten minutes at most).
const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(1);

/// Where a consent stands, by the codes of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Awau,
    Auth,
    Rjct,
    Expd,
}

/// An account-access consent as the client asked for it, and what the customer made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Consent {
    pub(super) permissions: BTreeSet<String>,
    pub(super) expires: Option<Timestamp>,
    /// Bounds on the transactions' local booking times.
    pub(super) from: Option<DateTime>,
    pub(super) to: Option<DateTime>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) status: Status,
    /// Who approved it, by user name, and for which accounts.
    pub(super) customer: Option<String>,
    pub(super) accounts: BTreeSet<Uuid>,
}

impl Consent {
    /// Where it stands at `now`: time alone ends it, too.
    pub(super) fn status(&self, now: Timestamp) -> Status {
        let over = self.expires.is_some_and(|end| end <= now);
        if over && self.status != Status::Rjct { Status::Expd } else { self.status }
    }

    /// Whether a customer may still be asked; an approved consent may be approved again.
    pub(super) fn may_be_approved(&self, now: Timestamp) -> bool {
        matches!(self.status(now), Status::Awau | Status::Auth)
    }
}

/// A code that waits to be redeemed, or was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) consent: String,
    pub(super) challenge: String,
    pub(super) redirect_uri: String,
    pub(super) nonce: Option<String>,
    pub(super) issued: Timestamp,
    /// The grant that it was redeemed for.
    pub(super) grant: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Grant {
    consent: String,
    refresh: String,
    spent: BTreeSet<String>,
}

/// What an access token stands for; no grant means the client itself.
#[derive(Debug, Serialize, Deserialize)]
struct Access {
    grant: Option<String>,
    expires: Timestamp,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Records {
    consents: BTreeMap<String, Consent>,
    codes: BTreeMap<String, Code>,
    grants: BTreeMap<String, Grant>,
    access: BTreeMap<String, Access>,
}

/// What a token request is answered with.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    /// The consent and nonce of the sign-in, for the identity token.
    pub(super) identity: Option<(String, Option<String>)>,
}

/// What an access token opens.
pub(super) enum Holder {
    /// Only the client's own resources: its consents.
    Client,
    /// A customer's accounts, under this consent.
    Customer(Consent),
}

/// A code or refresh token that is unknown, used, too old or under a consent that has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("invalid grant")]
    InvalidGrant,
    #[error(transparent)]
    State(#[from] FileError),
}

/// All records, kept in a file if there is one.
pub(super) struct Vault {
    records: Mutex<Records>,
    file: Option<PathBuf>,
}

impl Vault {
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, FileError> {
        let records = file.as_deref().map(persist::load).transpose()?.unwrap_or_default();
        Ok(Self { records: Mutex::new(records), file })
    }

    fn read<T>(&self, look: impl FnOnce(&Records) -> T) -> T {
        look(&self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the records and keeps them before anybody sees the outcome.
    fn change<T>(&self, change: impl FnOnce(&mut Records) -> T) -> Result<T, FileError> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut records);
        if let Some(file) = &self.file {
            persist::save(file, &*records)?;
        }
        Ok(outcome)
    }

    pub(super) fn create_consent(&self, consent: Consent) -> Result<String, FileError> {
        let id = Uuid::now_v7().to_string();
        self.change(|records| records.consents.insert(id.clone(), consent))?;
        Ok(id)
    }

    pub(super) fn consent(&self, id: &str) -> Option<Consent> {
        self.read(|records| records.consents.get(id).cloned())
    }

    /// Ends a consent with everything under it; whether there was one.
    pub(super) fn delete_consent(&self, id: &str) -> Result<bool, FileError> {
        self.change(|records| {
            records.grants.retain(|_, grant| grant.consent != id);
            records.consents.remove(id).is_some()
        })
    }

    /// Records the customer's approval and issues a code for it; nothing if the consent has ended meanwhile. Earlier
    /// grants under the consent end.
    pub(super) fn approve(
        &self,
        code: Code,
        customer: &str,
        accounts: BTreeSet<Uuid>,
    ) -> Result<Option<String>, FileError> {
        self.change(|records| {
            let consent = records.consents.get_mut(&code.consent)?;
            if !consent.may_be_approved(code.issued) {
                return None;
            }
            consent.status = Status::Auth;
            consent.updated = code.issued;
            consent.customer = Some(customer.to_owned());
            consent.accounts = accounts;
            records.grants.retain(|_, grant| grant.consent != code.consent);
            records.codes.retain(|_, older| older.issued + CODE_LIFETIME > code.issued);
            let name = secret();
            records.codes.insert(name.clone(), code);
            Some(name)
        })
    }

    /// Records the customer's refusal; an approved consent stays approved.
    pub(super) fn reject(&self, id: &str, now: Timestamp) -> Result<(), FileError> {
        self.change(|records| {
            if let Some(consent) =
                records.consents.get_mut(id).filter(|consent| consent.status == Status::Awau)
            {
                consent.status = Status::Rjct;
                consent.updated = now;
            }
        })
    }

    /// A token for the client itself.
    pub(super) fn client_token(&self, now: Timestamp) -> Result<Tokens, FileError> {
        let access = self.change(|records| records.issue(None, now))?;
        Ok(Tokens { access, refresh: None, identity: None })
    }

    /// Redeems a code. A second attempt ends what the first one gave (RFC 6749 §4.1.2).
    pub(super) fn redeem(
        &self,
        code: &str,
        redirect_uri: &str,
        challenge: &str,
        now: Timestamp,
    ) -> Result<Tokens, Refusal> {
        self.change(|records| {
            let known = records.codes.get(code).cloned().ok_or(Refusal::InvalidGrant)?;
            if let Some(grant) = known.grant {
                records.grants.remove(&grant);
                return Err(Refusal::InvalidGrant);
            }
            let fits = known.redirect_uri == redirect_uri
                && known.challenge == challenge
                && known.issued + CODE_LIFETIME > now
                && records.is_live(&known.consent, now);
            if !fits {
                return Err(Refusal::InvalidGrant);
            }
            let (grant, refresh) = (secret(), secret());
            records.codes.entry(code.to_owned()).and_modify(|code| code.grant = Some(grant.clone()));
            let consent = known.consent.clone();
            records.grants.insert(
                grant.clone(),
                Grant { consent: known.consent, refresh: refresh.clone(), spent: BTreeSet::new() },
            );
            let access = records.issue(Some(grant), now);
            Ok(Tokens { access, refresh: Some(refresh), identity: Some((consent, known.nonce)) })
        })?
    }

    /// Replaces a refresh token. A token that was replaced before ends its grant (RFC 9700 §4.14.2).
    pub(super) fn refresh(&self, token: &str, now: Timestamp) -> Result<Tokens, Refusal> {
        self.change(|records| {
            records.grants.retain(|_, grant| !grant.spent.contains(token));
            let found = records.grants.iter().find(|(_, grant)| grant.refresh == token);
            let (name, consent) = found
                .map(|(name, grant)| (name.clone(), grant.consent.clone()))
                .ok_or(Refusal::InvalidGrant)?;
            if !records.is_live(&consent, now) {
                return Err(Refusal::InvalidGrant);
            }
            let fresh = secret();
            records.grants.entry(name.clone()).and_modify(|grant| {
                grant.spent.insert(std::mem::replace(&mut grant.refresh, fresh.clone()));
            });
            let access = records.issue(Some(name), now);
            Ok(Tokens { access, refresh: Some(fresh), identity: None })
        })?
    }

    /// What an access token opens at `now`.
    pub(super) fn holder(&self, access: &str, now: Timestamp) -> Option<Holder> {
        self.read(|records| {
            let token = records.access.get(access).filter(|token| token.expires > now)?;
            let Some(grant) = &token.grant else { return Some(Holder::Client) };
            let consent = records.consents.get(&records.grants.get(grant)?.consent)?;
            (consent.status(now) == Status::Auth).then(|| Holder::Customer(consent.clone()))
        })
    }
}

impl Records {
    fn issue(&mut self, grant: Option<String>, now: Timestamp) -> String {
        self.access.retain(|_, token| token.expires > now);
        let access = secret();
        self.access.insert(access.clone(), Access { grant, expires: now + ACCESS_LIFETIME });
        access
    }

    fn is_live(&self, consent: &str, now: Timestamp) -> bool {
        self.consents.get(consent).is_some_and(|consent| consent.status(now) == Status::Auth)
    }
}

/// 256 random bits as text.
pub(super) fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
