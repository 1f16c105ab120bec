//! Records that a stage refused.
