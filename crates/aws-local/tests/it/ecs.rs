//! The simulator of ECS keeps to what is known of ECS.

mod definitions;
mod events;
mod life;
mod run_task;
mod stage;
