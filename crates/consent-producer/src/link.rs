//! The addresses that customers' browsers are sent to.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key, Tag};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Consent;
use url::Url;

/// What the key of the links is derived for.
const PURPOSE: &[u8] = b"authorisation links|1";

/// Makes and checks authorisation links. A link is good for one consent as it stands: not for another one, and not
/// after its epoch or its end has changed. Nothing has to be stored for it, so whoever sees a consent can offer it.
#[derive(Clone)]
pub(crate) struct Links {
    public_url: Url,
    key: Key,
}

impl Links {
    /// `secret` is the installation's.
    pub(crate) fn new(public_url: Url, secret: &[u8]) -> Self {
        let derived = hmac::sign(&Key::new(HMAC_SHA256, secret), PURPOSE);
        Self { public_url, key: Key::new(HMAC_SHA256, derived.as_ref()) }
    }

    /// Where the customer begins.
    pub(crate) fn authorisation(&self, consent: &Consent) -> Url {
        let mut url = self.at(&format!("authorise/{}", consent.consent_id));
        url.query_pairs_mut().append_pair("key", &URL_SAFE_NO_PAD.encode(self.tag(consent)));
        url
    }

    /// Where institutions send browsers back to (the OAuth redirect URI).
    pub(crate) fn callback(&self) -> Url {
        self.at("callback")
    }

    /// Whether `key` is that of the consent's link; compared in constant time.
    pub(crate) fn opens(&self, consent: &Consent, key: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(key).unwrap_or_default();
        hmac::verify(&self.key, terms(consent).as_bytes(), &tag).is_ok()
    }

    /// Whether browsers come by HTTPS.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    fn tag(&self, consent: &Consent) -> Tag {
        hmac::sign(&self.key, terms(consent).as_bytes())
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!("{}/{path}", self.public_url.path().trim_end_matches('/')));
        url
    }
}

fn terms(consent: &Consent) -> String {
    format!("{}|{}|{}", consent.consent_id, consent.epoch, consent.expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::ConsentId;
    use jiff::{SignedDuration, Timestamp};

    fn consent() -> Consent {
        Consent {
            consent_id: ConsentId::new(Timestamp::UNIX_EPOCH),
            epoch: 1,
            tenant_id: "bank".parse().unwrap(),
            user_id: "user".parse().unwrap(),
            institution_id: "sandbox".parse().unwrap(),
            baskets: vec![].into(),
            expires_at: Timestamp::UNIX_EPOCH,
            history_from: None,
        }
    }

    fn links(secret: &[u8]) -> Links {
        Links::new("https://bank.example/connect/".parse().unwrap(), secret)
    }

    fn key(url: &Url) -> String {
        url.query_pairs().find(|(name, _)| name == "key").unwrap().1.into_owned()
    }

    #[test]
    fn a_link_opens_its_consent_as_it_stands_and_nothing_else() {
        let (links, consent) = (links(b"secret"), consent());
        let link = links.authorisation(&consent);
        assert!(
            link.as_str()
                .starts_with(&format!("https://bank.example/connect/authorise/{}?key=", consent.consent_id))
        );
        assert!(links.opens(&consent, &key(&link)));

        let hour = SignedDuration::from_hours(1);
        let others = [
            Consent { consent_id: ConsentId::new(Timestamp::UNIX_EPOCH), ..consent.clone() },
            Consent { epoch: 2, ..consent.clone() },
            Consent { expires_at: consent.expires_at + hour, ..consent.clone() },
        ];
        assert!(others.iter().all(|other| !links.opens(other, &key(&link))));
        assert!(!links.opens(&consent, "") && !links.opens(&consent, "not base64!"));
    }

    #[test]
    fn another_installations_links_do_not_open() {
        let consent = consent();
        assert!(!links(b"another").opens(&consent, &key(&links(b"secret").authorisation(&consent))));
    }

    #[test]
    fn the_callback_lies_under_the_public_address() {
        assert_eq!(links(b"secret").callback().as_str(), "https://bank.example/connect/callback");
    }
}
