//! Whatever is done in whatever order, a consent only ever moves as it may.

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::Value;
use store::ConsentStatus;

use super::browser::Browser;
use super::world::{World, bank, id, link, with};

#[derive(Debug, Clone, Copy)]
enum Act {
    SetOut,
    Approve,
    Deny,
    Break,
    Revoke,
    MustSignInAgain,
    Replay,
    Wait(i64),
    Sweep,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::SetOut),
        4 => Just(Act::Approve),
        1 => Just(Act::Deny),
        1 => Just(Act::Break),
        1 => Just(Act::Revoke),
        2 => Just(Act::MustSignInAgain),
        1 => Just(Act::Replay),
        2 => (0i64..60).prop_map(Act::Wait),
        1 => Just(Act::Sweep),
    ]
}

/// A consent with the customer who came for it.
struct Story<'a> {
    world: &'a World,
    consent: Value,
    browser: Browser,
    back: Option<url::Url>,
}

impl Story<'_> {
    async fn perform(&mut self, act: Act) {
        match act {
            Act::SetOut => {
                let page = self.browser.open(&link(&self.consent)).await;
                assert!([200, 303, 404, 410].contains(&page.status), "{}", page.status);
                self.back = page.leads_to().map(|institution| {
                    let state = super::browser::parameter(&institution, "state");
                    let back: url::Url =
                        super::browser::parameter(&institution, "redirect_uri").parse().unwrap();
                    with(&back, &[("state", &state)])
                });
            }
            Act::Approve => self.answer(("code", "code-1")).await,
            Act::Deny => self.answer(("error", "access_denied")).await,
            Act::Break => self.answer(("error", "invalid_scope")).await,
            Act::Revoke => {
                let path = format!("v1/consents/{}", id(&self.consent));
                let (status, _) = self.world.call(Method::DELETE, &path, None).await;
                assert!([202, 409].contains(&status), "{status}");
            }
            Act::MustSignInAgain => {
                if self.world.status(&self.consent).await == ConsentStatus::Active {
                    self.world.move_to(&self.consent, ConsentStatus::NeedsReauthorisation).await;
                }
            }
            Act::Replay => {
                for event in self.world.events().await.iter().rev().take(5) {
                    assert!(self.world.intake().apply(event, None).await.unwrap().is_ok());
                }
            }
            Act::Wait(hours) => self.world.clock.advance(SignedDuration::from_hours(hours)),
            Act::Sweep => self.world.sweep().await,
        }
    }

    /// The institution answers; the address stays in the browser's history, so that it may come again.
    async fn answer(&mut self, answer: (&str, &str)) {
        if let Some(back) = &self.back {
            let page = self.browser.open(&with(back, &[answer])).await;
            assert!([200, 400, 410, 502].contains(&page.status), "{}", page.status);
        }
    }
}

#[test]
fn no_sequence_of_calls_moves_a_consent_as_it_may_not() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (_bank, world) = runtime.block_on(async {
        let bank = bank().await;
        let world = World::new(&bank).await;
        (bank, world)
    });
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let sequences = prop::collection::vec(act(), 1..16);
    runner
        .run(&sequences, |acts| {
            runtime.block_on(async {
                let consent = world.created_until(world.in_days(4)).await;
                let mut story = Story { world: &world, consent, browser: Browser::new(), back: None };
                let mut before = ConsentStatus::AwaitingAuthorisation;
                for act in acts {
                    story.perform(act).await;
                    let after = world.status(&story.consent).await;
                    prop_assert!(
                        before == after || before.may_become(after),
                        "{act:?} moved {before} to {after}"
                    );
                    before = after;
                }
                Ok(())
            })
        })
        .unwrap();
    // An embedded database stops outside of a runtime.
    drop(world);
}
