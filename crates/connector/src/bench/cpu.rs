//! CPU time and memory of processes, as `/proc` tells them (Linux).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;

/// Kernel ticks a second: 100 on every Linux that user space sees.
const TICK: Duration = Duration::from_millis(10);

/// CPU time a process has used, user and system, with all its threads.
pub(super) fn of(pid: u32) -> anyhow::Result<Duration> {
    let fields = stat(pid)?;
    Ok(TICK * (field(&fields, 11) + field(&fields, 12)))
}

/// CPU time of a process and of everything it has started, ended children included.
pub(super) fn of_tree(root: u32) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
            && let Ok(fields) = stat(pid)
        {
            parents.insert(pid, (field(&fields, 1), field(&fields, 11) + field(&fields, 12)));
        }
    }
    for (&pid, &(_, own)) in &parents {
        if descends(pid, root, &parents) {
            ticks += own;
        }
    }
    let ended = stat(root)?;
    Ok(TICK * (ticks + field(&ended, 13) + field(&ended, 14)))
}

/// The most memory a process has had resident, in bytes.
pub(super) fn peak_memory(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no VmHWM")?.parse()?;
    Ok(kib * 1024)
}

/// The parent of the first process whose command line satisfies `is`.
pub(super) fn parent_of(is: impl Fn(&str) -> bool) -> Option<u32> {
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(command) = std::fs::read_to_string(entry.path().join("cmdline")) else { continue };
        if is(&command) {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            return stat(pid).ok().map(|fields| field(&fields, 1));
        }
    }
    None
}

fn descends(mut pid: u32, root: u32, parents: &BTreeMap<u32, (u32, u32)>) -> bool {
    while pid != root {
        match parents.get(&pid) {
            Some((parent, _)) if *parent != pid && *parent != 0 => pid = *parent,
            _ => return false,
        }
    }
    true
}

/// The fields behind the command's name, which may hold spaces: field 0 is the state (proc(5)).
fn stat(pid: u32) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    let (_, rest) = text.rsplit_once(')').context("unreadable /proc/*/stat")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn field(fields: &[String], index: usize) -> u32 {
    fields.get(index).and_then(|field| field.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_own_process_uses_memory_and_its_tree_at_least_its_own_time() {
        let own = std::process::id();
        assert!(super::peak_memory(own).unwrap() > 0);
        assert!(super::of_tree(own).unwrap() >= super::of(own).unwrap());
    }
}
