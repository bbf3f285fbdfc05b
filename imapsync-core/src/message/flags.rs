//! Which flags a copy gets, and when they are changed later.

use crate::imap::flag::{Flags, PermanentFlags, SystemFlags, is_sendable};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The flags to APPEND a message with: those of the source that a client may send and that the destination stores.
///
/// A destination that does not tell what it stores (no PERMANENTFLAGS) is given all; one that says it stores nothing (an
/// empty list, as some servers say of an empty folder) is given the system flags.
///
/// ```
/// use imapsync_core::imap::flag::{Flags, PermanentFlags};
/// use imapsync_core::message::flags::for_append;
/// let source = Flags::parse(["\\Recent", "\\Seen", "\\Flagged", "$Junk", "not an atom"]);
/// let permanent = PermanentFlags::parse(["\\Seen", "\\*"]);
/// assert_eq!(for_append(&source, Some(&permanent)), Flags::parse(["\\Seen", "$Junk"]));
/// assert_eq!(for_append(&source, None), Flags::parse(["\\Seen", "\\Flagged", "$Junk"]));
/// ```
pub fn for_append(source: &Flags, permanent: Option<&PermanentFlags>) -> Flags {
    let mut flags = source.clone();
    flags.retain(|word| is_sendable(word) && is_stored(word, permanent));
    flags
}

/// The flags that no server refuses in an APPEND: the system flags without `\Deleted`. Yahoo refuses that one, and others
/// refuse keywords that they say they store, for their length or a character in them.
///
/// ```
/// use imapsync_core::imap::flag::Flags;
/// use imapsync_core::message::flags::harmless;
/// assert_eq!(harmless(&Flags::parse(["\\Seen", "\\Deleted", "$Junk"])), Flags::parse(["\\Seen"]));
/// ```
pub fn harmless(flags: &Flags) -> Flags {
    let mut harmless = flags.clone();
    harmless.retain(|word| SystemFlags::from_word(word).is_some());
    harmless.remove("\\Deleted");
    harmless
}

fn is_stored(word: &str, permanent: Option<&PermanentFlags>) -> bool {
    match permanent {
        None => true,
        Some(permanent) if permanent.flags.is_empty() && !permanent.any_keyword => {
            SystemFlags::from_word(word).is_some()
        }
        Some(permanent) => permanent.allows(word),
    }
}

/// A fingerprint of the flags of which a copy would bear a trace: equal where [`change`] would find nothing to do. Only to be
/// compared, within one run.
///
/// ```
/// use imapsync_core::imap::flag::Flags;
/// use imapsync_core::message::flags::fingerprint;
/// let flags = |words: &str| Flags::parse(words.split(' '));
/// assert_eq!(fingerprint(&flags("\\Seen $junk \\Recent"), None), fingerprint(&flags("$Junk \\Seen"), None));
/// assert_ne!(fingerprint(&flags("\\Seen"), None), fingerprint(&flags("\\Deleted"), None));
/// ```
pub fn fingerprint(flags: &Flags, permanent: Option<&PermanentFlags>) -> u64 {
    if flags.is_empty() {
        return 0;
    }
    let words = for_append(flags, permanent).words();
    if words.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    words.join(" ").to_ascii_lowercase().hash(&mut hasher);
    hasher.finish()
}

/// The flags to `STORE FLAGS.SILENT` on a copy, so that it has exactly those of the source; None where nothing is to be
/// done.
///
/// What the destination cannot hold, or a client cannot send, is left out of the comparison on both sides: a second run
/// then finds nothing to do. Case makes no difference, because servers keep the first spelling they have met.
///
/// With `delete1` a `\Deleted` that the copy lacks is never added: on the source it may be our own mark.
///
/// ```
/// use imapsync_core::imap::flag::Flags;
/// use imapsync_core::message::flags::change;
/// let flags = |words: &str| Flags::parse(words.split(' '));
/// assert_eq!(change(&flags("\\Seen"), &flags("\\Recent $Old"), None, false), Some(flags("\\Seen")));
/// assert_eq!(change(&flags("\\Seen $junk"), &flags("$Junk \\Seen"), None, false), None);
/// assert_eq!(change(&flags("\\Deleted"), &flags(""), None, true), None);
/// ```
pub fn change(
    source: &Flags,
    destination: &Flags,
    permanent: Option<&PermanentFlags>,
    delete1: bool,
) -> Option<Flags> {
    let mut wanted = for_append(source, permanent);
    let present = for_append(destination, permanent);
    if delete1 && !present.contains("\\Deleted") {
        wanted.remove("\\Deleted");
    }
    (wanted != present).then_some(wanted)
}

/// As [`change`], where it is known which flags the source had when both sides were last synced: what has changed there
/// since is brought to the copy, every other flag stays as it is on the copy.
///
/// ```
/// use imapsync_core::imap::flag::Flags;
/// use imapsync_core::message::flags::merge;
/// let flags = |words: &str| Flags::parse(words.split(' '));
/// // Read on the source, flagged by somebody on the destination.
/// let merged = merge(&flags("\\Seen"), &flags(""), &flags("\\Flagged"), None, false);
/// assert_eq!(merged, Some(flags("\\Seen \\Flagged")));
/// ```
pub fn merge(
    source: &Flags,
    before: &Flags,
    destination: &Flags,
    permanent: Option<&PermanentFlags>,
    delete1: bool,
) -> Option<Flags> {
    let mut wanted = destination.clone();
    source.iter().filter(|word| !before.contains(word)).for_each(|word| wanted.insert(word));
    before.iter().filter(|word| !source.contains(word)).for_each(|word| wanted.remove(word));
    change(&wanted, destination, permanent, delete1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &str) -> Flags {
        Flags::parse(words.split_whitespace())
    }

    fn permanent(words: &str) -> Option<PermanentFlags> {
        (words != "-").then(|| PermanentFlags::parse(words.split_whitespace()))
    }

    #[test]
    fn flags_of_a_new_copy() {
        // source, PERMANENTFLAGS (-: absent), flags sent
        let table = [
            ("\\Recent \\Seen", "-", "\\Seen"),
            ("\\seen $Forwarded Foo \\Foo", "-", "\\Seen $Forwarded Foo \\Foo"),
            ("a]b c{d e%f * \\* é \\ $Ok", "-", "$Ok"),
            ("\\Seen \\Draft $Junk Foo", "\\Seen \\Draft", "\\Seen \\Draft"),
            ("\\Seen \\Draft $Junk Foo", "\\Seen $JUNK", "\\Seen $Junk"),
            ("\\Seen \\Foo \\Bar $Junk", "\\Seen \\Bar \\*", "\\Seen \\Bar $Junk"),
            ("\\Seen \\Recent \\Foo $Junk", "", "\\Seen"),
            ("\\Seen $Junk", "\\*", "$Junk"),
            ("\\Recent", "\\Recent \\*", ""),
            ("", "\\Seen", ""),
        ];
        for (source, allowed, expected) in table {
            let sent = for_append(&flags(source), permanent(allowed).as_ref());
            assert_eq!(sent, flags(expected), "{source} on {allowed}");
            assert_eq!(sent.words().len(), flags(expected).words().len());
        }
    }

    #[test]
    fn what_has_changed_on_the_source_is_merged() {
        // source before, source, destination, PERMANENTFLAGS, delete1, what is stored
        let table = [
            // Nothing has changed on the source: whatever the copy has stays.
            ("\\Seen", "\\Seen", "", "-", false, None),
            ("", "", "\\Seen $Mine", "-", false, None),
            ("\\Seen Foo", "\\seen foo", "\\Flagged", "-", false, None),
            // A flag has come, or has gone.
            ("", "\\Seen", "", "-", false, Some("\\Seen")),
            ("\\Seen", "", "\\Seen", "-", false, Some("")),
            ("", "\\Seen $Junk", "\\Flagged", "-", false, Some("\\Seen \\Flagged $Junk")),
            ("\\Seen \\Flagged", "\\Flagged", "\\Seen $Mine", "-", false, Some("$Mine")),
            // Both have changed it: to the same, or back and forth.
            ("", "\\Seen", "\\Seen", "-", false, None),
            ("$Junk", "", "", "-", false, None),
            ("$a", "$b", "$a $c", "-", false, Some("$b $c")),
            // What cannot be kept, or sent, does not count.
            ("", "$Junk", "\\Seen", "\\Seen \\Flagged", false, None),
            ("", "\\Recent", "\\Seen", "-", false, None),
            ("", "\\Seen", "\\Recent $Old", "\\Seen", false, Some("\\Seen")),
            // Our own mark.
            ("", "\\Deleted", "\\Seen", "-", true, None),
            ("", "\\Deleted", "\\Seen", "-", false, Some("\\Seen \\Deleted")),
            ("", "\\Seen", "\\Deleted", "-", true, Some("\\Seen \\Deleted")),
        ];
        for (before, source, destination, allowed, delete1, expected) in table {
            let permanent = permanent(allowed);
            let merged = |destination: &Flags| {
                merge(&flags(source), &flags(before), destination, permanent.as_ref(), delete1)
            };
            let found = merged(&flags(destination));
            assert_eq!(
                found,
                expected.map(flags),
                "{before} to {source}, {destination} on {allowed}, {delete1}"
            );
            // Once that is stored there is nothing left to do.
            assert_eq!(
                merged(&found.unwrap_or_else(|| flags(destination))),
                None,
                "{source} to {destination}"
            );
        }
    }

    #[test]
    fn flags_of_a_copy_that_is_there() {
        // source, destination, PERMANENTFLAGS, delete1, what is stored
        let table = [
            ("\\Seen", "", "-", false, Some("\\Seen")),
            ("", "\\Seen", "-", false, Some("")),
            ("\\Seen Foo", "\\Seen foo", "-", false, None),
            ("\\Seen", "\\Seen \\Recent", "-", false, None),
            ("\\Seen", "\\Seen $Mine", "-", false, Some("\\Seen")),
            // Neither can be stored, so neither counts.
            ("\\Seen $Junk", "\\Seen", "\\Seen", false, None),
            ("\\Seen", "\\Seen $Old", "\\Seen", false, None),
            ("\\Seen b{d", "\\Seen", "-", false, None),
            ("\\Seen $Junk", "", "", false, Some("\\Seen")),
            ("\\Deleted \\Seen", "", "-", false, Some("\\Deleted \\Seen")),
            ("\\Deleted \\Seen", "", "-", true, Some("\\Seen")),
            ("\\Deleted \\Seen", "\\Seen", "-", true, None),
            ("\\Deleted \\Seen", "\\Deleted", "-", true, Some("\\Deleted \\Seen")),
            ("\\Seen", "\\Deleted", "-", true, Some("\\Seen")),
        ];
        for (source, destination, allowed, delete1, expected) in table {
            let permanent = permanent(allowed);
            let found = change(&flags(source), &flags(destination), permanent.as_ref(), delete1);
            assert_eq!(found, expected.map(flags), "{source} to {destination} on {allowed}, {delete1}");
            // Once that is stored there is nothing left to do.
            let then = found.unwrap_or_else(|| flags(destination));
            assert_eq!(
                change(&flags(source), &then, permanent.as_ref(), delete1),
                None,
                "{source} to {destination}"
            );
        }
    }
}
