//! Keys of a development directory: made once, kept with access for their owner only.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;

/// 32 random bytes in base64, the same at every start on this directory.
pub(super) fn master_key(dir: &Path) -> anyhow::Result<SecretString> {
    kept(&dir.join("master.key"), || Ok(STANDARD.encode(random()?))).map(SecretString::from)
}

/// A bearer token, the same at every start on this directory.
pub(super) fn token(dir: &Path) -> anyhow::Result<String> {
    kept(&dir.join("token"), || Ok(URL_SAFE_NO_PAD.encode(random()?)))
}

fn kept(file: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<String> {
    match std::fs::read_to_string(file) {
        Ok(text) if !text.is_empty() => return Ok(text),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot read {}", file.display()));
        }
        _ => (),
    }
    let text = make()?;
    let mut new =
        std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)?;
    new.write_all(text.as_bytes())?;
    Ok(text)
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes)
}
