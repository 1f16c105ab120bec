//! Page to landed row, every role its own process, read from `/proc`.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::cpu;
use super::load::Load;
use super::producer::Feed;
use super::set_up::{Role, Site};

/// The first time, or the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Fresh,
    Replay,
}

/// What one role used.
#[derive(Debug, Clone)]
pub(super) struct RoleCost {
    pub(super) name: &'static str,
    pub(super) cpu: Duration,
    pub(super) peak: u64,
}

/// What a pass through the pipeline cost.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) records: usize,
    pub(super) roles: Vec<RoleCost>,
    pub(super) postgres: Option<Duration>,
    pub(super) wal_bytes: i64,
    pub(super) wall: Duration,
}

const ROLES: [(&str, u16); 3] = [("normalizer", 19_464), ("categorizer", 19_465), ("lander", 19_466)];

/// Starts the roles on idle topics.
pub(super) async fn start(site: &Site) -> anyhow::Result<Vec<Role>> {
    let mut roles = Vec::new();
    for (name, port) in ROLES {
        roles.push(site.role(name, port).await?);
    }
    Ok(roles)
}

pub(super) async fn measure(site: &Site, load: &Load, pass: Pass) -> anyhow::Result<Pipeline> {
    let mut roles = start(site).await?;
    let feed = Feed::connect(&site.bootstrap)?;
    let before: Vec<Duration> = roles.iter().map(|role| cpu::of(role.pid())).collect::<Result<_, _>>()?;
    let postgres = site.postmaster();
    let postgres_before = postgres.map(cpu::of_tree).transpose()?;
    let reference = site.store.reference();
    let (wal, seen) = (reference.wal_bytes().await?, reference.positions(&site.prefix).await?);
    let begun = Instant::now();
    load.send(site, &feed).await?;
    wait(site, load, pass, seen, &mut roles).await?;
    let wall = begun.elapsed();
    let cost = |(role, before): (&Role, Duration)| {
        Ok(RoleCost {
            name: role.name,
            cpu: cpu::of(role.pid())?.saturating_sub(before),
            peak: cpu::peak_memory(role.pid())?,
        })
    };
    let after = postgres.map(cpu::of_tree).transpose()?;
    Ok(Pipeline {
        records: load.records,
        roles: roles.iter().zip(before).map(cost).collect::<anyhow::Result<_>>()?,
        postgres: after.zip(postgres_before).map(|(after, before)| after.saturating_sub(before)),
        wal_bytes: reference.wal_bytes().await? - wal,
        wall,
    })
}

/// Until every record is landed; in a replay, until the lander has read as many again.
async fn wait(site: &Site, load: &Load, pass: Pass, seen: i64, roles: &mut [Role]) -> anyhow::Result<()> {
    let reference = site.store.reference();
    let wanted = i64::try_from(load.records)?;
    let deadline = Instant::now() + Duration::from_secs(600);
    let mut at;
    loop {
        at = match pass {
            Pass::Fresh => reference.rows().await?,
            Pass::Replay => reference.positions(&site.prefix).await? - seen,
        };
        if at >= wanted {
            return Ok(());
        }
        for role in roles.iter_mut() {
            role.check()?;
        }
        if Instant::now() > deadline {
            bail!("{at} of {wanted} records after ten minutes");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The reference for landing: `COPY BINARY` of the landed rows into an empty table of the same shape and index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    pub(super) rows: u64,
    pub(super) client: Duration,
    pub(super) postgres: Option<Duration>,
}

pub(super) async fn copy(site: &Site) -> anyhow::Result<Copy> {
    let reference = site.store.reference();
    let rows = reference.copy_out().await?;
    let postgres = site.postmaster();
    let before = (cpu::of(std::process::id())?, postgres.map(cpu::of_tree).transpose()?);
    let copied = reference.copy_in(rows).await?;
    let after = (cpu::of(std::process::id())?, postgres.map(cpu::of_tree).transpose()?);
    Ok(Copy {
        rows: copied,
        client: after.0.saturating_sub(before.0),
        postgres: after.1.zip(before.1).map(|(after, before)| after.saturating_sub(before)),
    })
}
