//! Changes made to messages on their way.
use std::io::{Read, Write};
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope { Header, Whole }
pub trait MessageTransform: Send + Sync {
    fn name(&self) -> &str;
    fn scope(&self) -> Scope;
    fn header(&self, header: &[u8]) -> Result<Option<Vec<u8>>, String>;
    fn whole(&self, input: &mut dyn Read, output: &mut dyn Write) -> std::io::Result<()>;
}
