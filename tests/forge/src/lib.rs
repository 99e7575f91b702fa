//! Simulated forges on the loopback: GitHub, Jira, Azure DevOps, and a git smart HTTP server.
//!
//! It implements the documented interface, not what one client happens to send, and it is as
//! unpleasant as the real one: pages shift under edits, deep offsets are refused, limits are
//! enforced, connections break. Start one with [`Forge::start`], or as the program `forge`.
//!
//! ```no_run
//! use jobctl_forge::{Config, Forge};
//!
//! let forge = Forge::start(Config::small())?;
//! println!("{}", forge.url());           // http://127.0.0.1:PORT, the REST base
//! forge.configure(|b| b.delay_ms = 50);  // change its manners while it runs
//! # Ok::<(), jobctl_forge::StartError>(())
//! ```
//!
//! Everything a test may change while the forge runs is in [`Behaviour`]; everything that is
//! fixed at the start is in [`Config`]. The same control is offered by HTTP under `/_forge/`, see
//! [`control`] for the paths. Requests under `/_forge/` are neither limited nor logged.

pub mod ado;
mod behaviour;
mod clock;
mod config;
pub mod control;
mod faults;
mod forge;
mod git;
mod github;
pub mod jira;
mod limits;
mod log;
mod random;
mod rules;
mod script;
mod shared;
mod wire;
mod world;

pub use behaviour::{
    Action, Behaviour, Cursors, Fault, FaultRule, Firing, GraphQl, Limits, Script, Search,
    SecondaryStyle,
};
pub use config::{Broken, Config, IssueVolume, Token};
pub use forge::{Forge, StartError};
pub use limits::LimitKind;
pub use log::{Auth, Delivery, Entry, Listener};
pub use world::change::{Change, ChangeError, Changed};
pub use world::truth::{GoneComment, GoneIssue, Truth, TruthComment, TruthIssue};
