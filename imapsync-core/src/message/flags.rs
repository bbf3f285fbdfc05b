//! Which flags go over.
use crate::imap::flag::{Flags, PermanentFlags};
fn keepable(source: &Flags, permanent: Option<&PermanentFlags>) -> Flags {
    let empty = |p: &PermanentFlags| p.flags.is_empty() && !p.any_keyword;
    source.words().iter().map(String::as_str).filter(|w| match permanent { None => true, Some(p) if empty(p) => w.starts_with('\\'), Some(p) => p.allows(w) }).collect()
}
pub fn for_append(source: &Flags, permanent: Option<&PermanentFlags>) -> Flags { keepable(source, permanent) }
pub fn change(source: &Flags, destination: &Flags, permanent: Option<&PermanentFlags>, delete1: bool) -> Option<Flags> {
    let mut want = keepable(source, permanent);
    if delete1 && !destination.contains("\\Deleted") { want.remove("\\Deleted"); }
    (keepable(destination, permanent) != want).then_some(want)
}
