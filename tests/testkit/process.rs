//! Processes of the one binary.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A running `connector` with its log.
pub struct Process {
    name: String,
    args: Vec<String>,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts `connector ARGS`; what it prints is kept in `dir`.
    pub fn start(dir: &Path, name: &str, args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let log = dir.join(format!("{name}.log"));
        let child = spawn(&args, &log);
        Self { name: name.to_owned(), args, log, child }
    }

    /// The role, or `dev`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends it as the kernel does when memory is out: at once, whatever it was doing.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same command again.
    pub fn restart(&mut self) {
        self.child = spawn(&self.args, &self.log);
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{} is not there any more:\n{}", self.name, self.log_tail());
    }

    /// How it ended: the exit code (none after a signal), or `Err` while it runs.
    pub fn ended(&mut self) -> Result<Option<i32>, String> {
        match self.child.try_wait().unwrap() {
            Some(status) => Ok(status.code()),
            None => Err(format!("{} runs", self.name)),
        }
    }

    /// Panics with its log if it has ended.
    pub fn must_run(&mut self) {
        if let Ok(code) = self.ended() {
            panic!("{} ended by itself with {code:?}:\n{}", self.name, self.log_tail());
        }
    }

    /// What it printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_err() {
            self.kill9();
        }
    }
}

fn spawn(args: &[String], log: &Path) -> Child {
    let log: File = OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new(binary())
        .args(args)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Runs `connector ARGS` to its end.
pub fn run(args: &[&str]) -> Output {
    Command::new(binary()).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs `connector ARGS`, which must succeed; what it printed.
pub fn run_well(args: &[&str]) -> String {
    let output = run(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "connector {} failed:\n{errors}", args.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// The binary lies beside the tests: `target/<profile>/connector`, one above `deps/`.
fn binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.ancestors().nth(2).unwrap().join("connector");
    assert!(binary.exists(), "{} is missing; run: cargo build --package connector", binary.display());
    binary
}
