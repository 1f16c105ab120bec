//! From a page handed to the broker to its rows readable in the store, at a steady rate.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::load::{self, Load, Window};
use super::pipeline;
use super::producer::Feed;
use super::set_up::Site;

/// What was seen.
#[derive(Debug, Clone)]
pub(super) struct Latency {
    /// Records a second that were asked for.
    pub(super) rate: usize,
    /// Sorted.
    pub(super) samples: Vec<Duration>,
}

impl Latency {
    /// The sample below which so many thousandths lie.
    pub(super) fn permille(&self, permille: usize) -> Duration {
        let at = (self.samples.len() * permille / 1000).min(self.samples.len().saturating_sub(1));
        self.samples.get(at).copied().unwrap_or_default()
    }
}

/// Windows of fresh accounts, sent at even distances; each is looked for every few milliseconds.
pub(super) async fn measure(
    site: &Site,
    load: &Load,
    rate: usize,
    seconds: usize,
) -> anyhow::Result<Latency> {
    let windows = windows(site, load, rate * seconds).await?;
    let _roles = pipeline::start(site).await?;
    let feed = Feed::connect(&site.bootstrap)?;
    let begun = Instant::now();
    let (mut sent, mut open, mut samples) = (0, Vec::new(), Vec::new());
    let mut next = windows.iter();
    let mut due = next.next();
    while due.is_some() || !open.is_empty() {
        if let Some(window) = due
            && begun.elapsed() >= Duration::from_micros(u64::try_from(sent * 1_000_000 / rate)?)
        {
            let customer = load.customers.get(window.customer).context("no customer")?;
            open.push((window, Instant::now()));
            load::send(site, &feed, customer, window).await?;
            sent += window.rows;
            due = next.next();
        }
        look(site, &mut open, &mut samples).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    samples.sort_unstable();
    Ok(Latency { rate, samples })
}

async fn look(
    site: &Site,
    open: &mut Vec<(&Window, Instant)>,
    samples: &mut Vec<Duration>,
) -> anyhow::Result<()> {
    let mut waiting = Vec::new();
    for (window, since) in open.drain(..) {
        let rows = site.store.landing().known(window.account, window.days.0, window.days.1).await?;
        if rows.len() >= window.rows {
            samples.push(since.elapsed());
        } else if since.elapsed() > Duration::from_secs(30) {
            bail!("{} of {} rows of a window are readable after 30 s", rows.len(), window.rows);
        } else {
            waiting.push((window, since));
        }
    }
    *open = waiting;
    Ok(())
}

/// The load's windows again, under accounts that have nothing yet.
async fn windows(site: &Site, load: &Load, records: usize) -> anyhow::Result<Vec<Window>> {
    let (mut taken, mut windows) = (0, Vec::new());
    for (number, window) in load.windows.iter().cycle().enumerate() {
        if taken >= records {
            break;
        }
        let owner = &load.customers.get(window.customer).context("no customer")?.consent;
        let account = load::account_key(site, owner, &format!("latency-{number}"));
        windows.push(Window { account, ..window.clone() });
        taken += window.rows.max(1);
    }
    for (index, customer) in load.customers.iter().enumerate() {
        let own = windows.iter().filter(|window| window.customer == index).map(|window| window.account);
        load::link(site, customer, own).await?;
    }
    Ok(windows)
}
