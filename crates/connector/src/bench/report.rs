//! The figures, with what they are compared to and how to get them again.

use std::fmt;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::BenchArgs;
use super::forwarder::Forwarder;
use super::latency::Latency;
use super::pipeline::{Copy, Pipeline};

/// Everything that was measured in one run.
pub(super) struct Report<'a> {
    pub(super) args: &'a BenchArgs,
    pub(super) forwarder: Forwarder,
    pub(super) fresh: Pipeline,
    pub(super) replay: Pipeline,
    pub(super) copy: Copy,
    pub(super) latency: Latency,
}

/// Hundredths of a microsecond of CPU per record.
fn each(cpu: Duration, records: usize) -> u128 {
    cpu.as_nanos() / 10 / u128::try_from(records.max(1)).unwrap_or(1)
}

fn micros(hundredths: u128) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn ratio(reference: u128, ours: u128) -> String {
    micros(reference * 100 / ours.max(1))
}

fn rate(records: usize, wall: Duration) -> String {
    let records = u128::try_from(records).unwrap_or(0);
    (records * 1_000_000 / wall.as_micros().max(1)).to_string()
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

impl Report<'_> {
    fn lander(&self) -> u128 {
        let lander = self.fresh.roles.iter().find(|role| role.name == "lander");
        lander.map_or(0, |role| each(role.cpu, self.fresh.records))
    }

    fn stages(&self) -> Table {
        let mut table = table(&["stage", "µs CPU a record", "× of the reference", "peak memory"]);
        let forward = each(self.forwarder.cpu, self.forwarder.records);
        row(&mut table, ["raw forwarder (reference)", &micros(forward), "1.00", ""]);
        for role in &self.fresh.roles {
            let own = each(role.cpu, self.fresh.records);
            row(&mut table, [role.name, &micros(own), &ratio(forward, own), &mib(role.peak)]);
        }
        let workers: Duration = self.fresh.roles.iter().map(|role| role.cpu).sum();
        let peak = self.fresh.roles.iter().map(|role| role.peak).sum();
        row(&mut table, ["all workers", &micros(each(workers, self.fresh.records)), "", &mib(peak)]);
        row(&mut table, ["PostgreSQL, pipeline", &postgres(self.fresh.postgres, self.fresh.records), "", ""]);
        row(&mut table, ["whole pipeline", &self.whole(workers), "", ""]);
        table
    }

    fn whole(&self, workers: Duration) -> String {
        self.fresh
            .postgres
            .map_or_else(|| "–".to_owned(), |postgres| micros(each(workers + postgres, self.fresh.records)))
    }

    fn landing(&self) -> Table {
        let rows = usize::try_from(self.copy.rows).unwrap_or(0);
        let mut table =
            table(&["landing", "client µs", "PostgreSQL µs", "WAL bytes a row", "wall records/s"]);
        row(
            &mut table,
            [
                "COPY BINARY, same table (reference)",
                &micros(each(self.copy.client, rows)),
                &postgres(self.copy.postgres, rows),
                "",
                "",
            ],
        );
        for (name, pass) in [("fresh rows", &self.fresh), ("replay", &self.replay)] {
            let lander = pass
                .roles
                .iter()
                .find(|role| role.name == "lander")
                .map_or(0, |role| each(role.cpu, pass.records));
            let wal = pass.wal_bytes / i64::try_from(pass.records.max(1)).unwrap_or(1);
            row(
                &mut table,
                [
                    name,
                    &micros(lander),
                    &postgres(pass.postgres, pass.records),
                    &wal.to_string(),
                    &rate(pass.records, pass.wall),
                ],
            );
        }
        table
    }

    /// Rows per CPU-second of landing against the reference, client and server together.
    fn landing_ratio(&self) -> Option<String> {
        let rows = usize::try_from(self.copy.rows).unwrap_or(0);
        let reference = each(self.copy.client + self.copy.postgres?, rows);
        Some(ratio(reference, self.lander() + each(self.fresh.postgres?, self.fresh.records)))
    }
}

fn postgres(cpu: Option<Duration>, records: usize) -> String {
    cpu.map_or_else(|| "–".to_owned(), |cpu| micros(each(cpu, records)))
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn row<const N: usize>(table: &mut Table, cells: [&str; N]) {
    let cell = |(at, text): (usize, &str)| {
        Cell::new(text).set_alignment(if at == 0 { CellAlignment::Left } else { CellAlignment::Right })
    };
    table.add_row(cells.into_iter().enumerate().map(cell));
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# connector bench\n\n{}\n\n{}\n", self.stages(), self.landing())?;
        if let Some(ratio) = self.landing_ratio() {
            writeln!(
                f,
                "Landing, normalizer's look-ups included: {ratio} × the rows per CPU-second of COPY into the same table."
            )?;
        }
        let latency = &self.latency;
        writeln!(
            f,
            "Page produced to row readable at {} records/s, {} windows: p50 {} ms, p99 {} ms, most {} ms.\n",
            latency.rate,
            latency.samples.len(),
            latency.permille(500).as_millis(),
            latency.permille(990).as_millis(),
            latency.permille(1000).as_millis(),
        )?;
        writeln!(f, "Machine: {}, load average {}.", machine(), load_average())?;
        writeln!(f, "connector {}, {} build, Linux {}.", env!("CARGO_PKG_VERSION"), profile(), kernel())?;
        let pages =
            self.args.pages.as_ref().map_or_else(String::new, |file| format!(" --pages {}", file.display()));
        writeln!(f, "Again: connector bench --kafka … --database … --records {}{pages}", self.args.records)
    }
}

const fn profile() -> &'static str {
    if cfg!(debug_assertions) { "DEBUG" } else { "release" }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn machine() -> String {
    let cpus = read("/proc/cpuinfo");
    let model =
        cpus.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    format!("{} × {}", cpus.matches("processor\t").count(), model.unwrap_or("unknown CPU"))
}

fn load_average() -> String {
    read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn kernel() -> String {
    read("/proc/sys/kernel/osrelease").trim().to_owned()
}
