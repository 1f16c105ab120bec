//! Brings every institution's answers into one structure and gives every transaction its one identity.
//!
//! Guarantees:
//! * The same window gives the same records with the same ids, however often it is processed, however its rows are
//!   spread over pages, and whatever overlaps it.
//! * A transaction keeps its id from pending to booked, also when its day or the bank's id moves; equal rows of one day
//!   stay as many as they are.
//! * Money is exact, dates are the bank's own text, and what cannot be understood is rejected with a code: a row alone,
//!   or the window when it cannot be read whole. Nothing is guessed and nothing is left out in silence.
//!
//! It never calls a bank, and writes nothing to the store but the closing of a window that holds no record.
#![warn(missing_docs)]

mod dates;
pub mod identity;
pub mod payload;
pub mod records;
pub mod row;
//mod stage;
mod text;
pub mod uk;
