//! What a person at a terminal reads.

use std::io::Write;

/// Prints an answer to standard output. A reader that has gone away (`| head`) is no reason to stop.
pub(crate) fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints why a command failed to standard error; logging may not be set up yet.
pub(crate) fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
