//! What the program tells: lines, the progress bar, the statistics.

mod meter;
mod printer;
mod statistics;
mod text;
mod usage;
