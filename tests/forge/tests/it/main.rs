//! The forge is as strict and as unpleasant as it says.

mod ado;
mod client;
mod faults;
mod git;
mod graphql;
mod jira;
mod limits;
mod rest;
mod world;
