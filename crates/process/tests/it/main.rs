//! The real launcher and real processes; a shell script stands in for the agent.

mod copies;
mod ends;
mod launches;
mod marks;
mod stage;
