use jobctl_provider::Unsupported;
use jobctl_warehouse::WarehouseError;

/// Why an import cannot go on. What was committed stays, and the next run continues from it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The credential was refused.
    #[error("could not read {url}: the credential was refused ({message})")]
    Unauthorized {
        /// What the forge said.
        message: String,
        /// Where.
        url: String,
    },
    /// The forge cannot carry out what was ordered.
    #[error("could not plan the import")]
    Unsupported(#[from] Unsupported),
    /// The warehouse refused; the disk may be full.
    #[error("could not keep what was read")]
    Warehouse(#[from] WarehouseError),
    /// The stored standing of the import is not one that this version knows.
    #[error("could not continue the import: its stored phase {phase:?} is unknown")]
    Phase {
        /// What is stored.
        phase: String,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}
