//! Folders, names and identity, from their options.

use super::Refusal;
use crate::options::Values;
use imapsync_core::options::SyncOptions;

pub(super) fn rules(_values: &Values) -> Result<SyncOptions, Refusal> {
    Ok(SyncOptions::default())
}
