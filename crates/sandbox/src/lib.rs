//! Stand-ins for what others run.
pub mod data;
mod wire;
