//! Against librdkafka's in-process cluster. It has no transaction markers: what these tests say about delivery is that
//! nothing is lost.

mod delivery;
mod outbox;
mod rejections;
mod sinks;
mod site;
mod stages;
mod works;
