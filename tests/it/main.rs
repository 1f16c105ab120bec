//! The end-to-end suite and what holds for the whole repository.

mod architecture;
