//! F. LIST, names, local files.
