//! What the services share. No AWS SDK may become a dependency here without a cargo feature of its own:
//! a service that needs none must not compile it.

pub mod http;
pub mod telemetry;
