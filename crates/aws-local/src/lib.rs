//! AWS on one machine, for tests and for developers: real engines where there are any, simulators that keep to the
//! documented behaviour where there are none. Nothing that ships depends on it.

mod artifacts;
mod call;
mod cloudformation;
mod control;
mod dynamodb_local;
mod ecs;
mod engine;
pub mod events;
mod faults;
mod gateway;
pub mod lambda;
mod local_aws;
mod moto;
mod policy;
pub mod queue;
mod registry;
mod sync;

pub use artifacts::Programs;
pub use call::{Call, Reply, json, json_error};
pub use cloudformation::{CloudFormation, Endpoints};
pub use control::{CONTROL_SERVICES, Control, ControlError, ControlOptions, Egress, Network};
pub use dynamodb_local::{DYNAMODB_LOCAL_VARIABLE, DynamoDbLocal};
pub use ecs::{Delays, Ecs, EcsOptions, End, EventMode, EventSink, SimClock};
pub use faults::{BadPlan, Fault, FaultPlan, Faults, When, caller_name};
pub use gateway::{
    ACCOUNT, Answer, BoundGateway, CallLog, Crash, Gateway, Guard, Handler, Mark, Permission,
    Recorded, Routes, forward, handler,
};
pub use local_aws::{LocalAws, Options};
pub use moto::{MOTO_VARIABLE, Moto};
pub use policy::{Context, Policies};
pub use registry::Registry;
