//! The pages of a window, and the bytes they travel as.

use bytes::Bytes;
use events::{WindowId, pages};
use institutions::{FetchedAccount, Page};
use stage_runner::Fault;
use store::DataKey;
use url::Url;

use super::failure::Failure;

/// The most that a window may hold before and after compression and sealing: a normaliser has to unpack the one, the
/// topic takes a little more than the other.
const MAX_RAW: usize = 32 << 20;
const MAX_SEALED: usize = 4 << 20;

/// zstd's default: a tenth of the size at a few milliseconds a megabyte.
const ZSTD_LEVEL: i32 = 3;

/// Pages of a window.
#[derive(Default)]
pub(crate) struct Read {
    pages: Vec<Bytes>,
    /// The last exchange, to ask the institution about.
    pub(crate) interaction_id: Option<String>,
}

impl Read {
    /// The account, which came with the list of all.
    pub(crate) fn account(fetched: &FetchedAccount) -> Self {
        Self { pages: vec![fetched.raw.clone()], interaction_id: fetched.interaction_id.clone() }
    }

    /// One page more, and where the one after it is.
    pub(crate) fn with(mut self, page: Page) -> (Self, Option<Url>) {
        self.pages.push(page.body);
        self.interaction_id = page.interaction_id.or(self.interaction_id);
        (self, page.next)
    }

    /// Whether nobody should be made to unpack so much at once.
    pub(crate) fn is_too_large(&self) -> bool {
        self.pages.iter().map(Bytes::len).sum::<usize>() > MAX_RAW
    }

    /// Packed, compressed and sealed, away from the threads that wait for banks; none if the topic will not take it.
    pub(crate) async fn sealed(self, key: DataKey, window: WindowId) -> Result<Option<Vec<u8>>, Failure> {
        let seal = move || -> Result<Vec<u8>, Failure> {
            let packed = zstd::bulk::compress(&pages::pack(self.pages), ZSTD_LEVEL).map_err(Fault::from)?;
            Ok(key.seal(window.uuid().as_bytes(), &packed)?)
        };
        let sealed = tokio::task::spawn_blocking(seal).await.map_err(Fault::from)??;
        Ok((sealed.len() <= MAX_SEALED).then_some(sealed))
    }
}
