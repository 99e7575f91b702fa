//! The forge is as strict and as unpleasant as it says.

mod client;
mod faults;
mod git;
mod graphql;
mod limits;
mod rest;
mod world;
