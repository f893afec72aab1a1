//! What the product promises, seen from outside.

mod any_moment;
mod containers;
mod crash_points;
mod crashes;
mod exit_codes;
mod floods;
mod followers;
mod local;
mod many;
mod people;
mod verbatim;
