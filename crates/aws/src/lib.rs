//! The adapters to AWS: DynamoDB keeps everything, Fargate runs it, CloudWatch holds the second copies.
//!
//! Nothing outside of this crate (and of `runvoy infra`) speaks to AWS.

mod dynamo;
mod fargate;
mod invoker;
pub mod prices;
mod sdk;
mod stack_key;

pub use dynamo::DynamoStore;
pub use fargate::{
    BadTaskChange, FactsError, FargateClients, FargateLauncher, FargateSettings, ObserveError,
    TaskChange, TaskFacts,
};
pub use invoker::{InvokeError, Invoker};
pub use sdk::Sdk;
pub use stack_key::{StackKeyError, stack_key};
