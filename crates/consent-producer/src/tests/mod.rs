//! The role against an institution that does what a test wants, with the real store, over HTTP.

mod api;
mod authorise;
mod browser;
mod ending;
mod intake;
mod journey;
mod listing;
mod refusals;
mod sequences;
mod world;
