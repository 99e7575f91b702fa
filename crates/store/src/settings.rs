//! The project's settings file: the CLI reads it and says what is to stand in it.

use std::io;

use crate::lock::Lock;
use crate::tree::Told;
use crate::{FileError, FileStore};

/// The name of the settings file.
const SETTINGS: &str = "jobctl.toml";

impl FileStore {
    /// Replaces the text of the settings file, empty where there is none, by what `edit` makes of
    /// it. Others who edit it meanwhile wait; readers see the old text or the new one, and once
    /// this returns `Ok` the new one survives a power cut.
    ///
    /// A link, or anything else that is not a file, is left alone and an error.
    pub fn edit_settings<E: From<FileError>>(
        &self,
        edit: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<(), E> {
        let tree = &self.tree;
        let path = tree.at(SETTINGS);
        let lock = tree.at("settings.lock");
        let _lock = Lock::wait(tree.fs.as_ref(), &lock).told("lock", &lock)?;
        let bytes = tree.read(&path)?.unwrap_or_default();
        let text = String::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
            .told("read", &path)?;
        let edited = edit(&text)?;
        if edited != text {
            tree.publish(&path, edited.as_bytes())?;
            tree.sync_dir(&tree.root)?;
        }
        Ok(())
    }
}
