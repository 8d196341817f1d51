//! What the services share, so that the next one is ten lines. No AWS SDK may become a dependency here without a cargo
//! feature of its own: a service that needs none must not compile it.

#[cfg(feature = "aws")]
pub mod aws;
pub mod events;
pub mod http;
#[cfg(feature = "aws")]
pub mod secrets;
pub mod telemetry;
