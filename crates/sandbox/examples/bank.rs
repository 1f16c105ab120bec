//! The bank by itself: `cargo run -p sandbox --example bank -- [address] [customers]`. Writes where it is, and who may
//! sign in, as one line of JSON; ends with Ctrl-C.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use sandbox::bank::{Bank, Config};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let config = Config {
        listen: arguments.next().as_deref().unwrap_or("127.0.0.1:8090").parse()?,
        public_url: None,
        seed: 7,
        customers: arguments.next().as_deref().unwrap_or("6").parse()?,
        page_size: 100,
        #[expect(clippy::disallowed_methods, reason = "this is where the clock comes from")]
        clock: Arc::new(jiff::Timestamp::now),
        client_id: "connector".to_owned(),
        client_secret: "sandbox-client-secret".to_owned(),
        redirect_uris: vec!["http://127.0.0.1:18091/callback".parse()?],
        auto_approve_client: false,
        state: None,
    };
    let token = CancellationToken::new();
    let bank = Bank::start(config, token.clone()).await?;
    let line = serde_json::json!({ "base_url": bank.base_url, "customers": bank.customers });
    writeln!(std::io::stdout(), "{line}")?;
    tokio::signal::ctrl_c().await?;
    token.cancel();
    Ok(())
}
