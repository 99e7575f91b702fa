//! What whole-program tests of jobctl stand on.
//!
//! A [`Sandbox`] is a machine of its own: a home, a state directory, a temporary directory and a
//! working directory that nothing else uses, and the built `jobctl` run in them with an
//! environment that holds nothing but what the test says. [`compare`] holds an export against
//! what the simulated forge knows to be true, [`shape`] checks the documented JSON.
//!
//! Everything here fails by panicking: it serves tests only.
#![expect(clippy::missing_panics_doc, reason = "tests fail by panicking")]
#![expect(clippy::return_self_not_must_use, reason = "often only the exit code of a call counts")]

pub mod compare;
pub mod processes;
pub mod receiver;
pub mod sandbox;
pub mod shape;
pub mod terminal;
pub mod worlds;

pub use processes::Process;
pub use receiver::{Answer, Receiver};
pub use sandbox::{Call, Sandbox, Told, wait_until};
pub use terminal::Terminal;

/// Random choices, and the seed that repeats a red run.
#[must_use]
#[expect(clippy::print_stdout, reason = "a failed test shows what it printed")]
pub fn seeded() -> (u64, fastrand::Rng) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    (seed, fastrand::Rng::with_seed(seed))
}
