//! What a person at a terminal reads.

/// Prints an answer to standard output.
#[expect(clippy::print_stdout, reason = "this is the command's answer, not a log line")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Prints why a command failed to standard error; logging may not be set up yet.
#[expect(clippy::print_stderr, reason = "the reason must be seen whatever the log filter says")]
pub(crate) fn complain(text: &str) {
    eprintln!("{text}");
}
