//! Sets of UIDs, kept as sorted ranges and split into commands of bounded length.

/// A set of UIDs (1..=u32::MAX).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidSet { /* ranges: Vec<(u32, u32)> sorted, disjoint, not adjacent */ }

impl UidSet {
    /// The empty set.
    pub fn new() -> Self { todo!() }
    /// From any UIDs in any order; 0 is ignored.
    pub fn from_uids(_uids: impl IntoIterator<Item = u32>) -> Self { todo!() }
    /// One range, both ends included.
    pub fn range(_first: u32, _last: u32) -> Self { todo!() }
    /// Adds one UID (cheap when ascending).
    pub fn insert(&mut self, _uid: u32) { todo!() }
    /// Adds a range.
    pub fn insert_range(&mut self, _first: u32, _last: u32) { todo!() }
    /// Parses `1:4,7,9:12` (ranges in either order); None for anything else, for 0 and for `*`.
    pub fn parse(_bytes: &[u8]) -> Option<Self> { todo!() }
    /// Whether the UID is in it (binary search).
    pub fn contains(&self, _uid: u32) -> bool { todo!() }
    /// How many UIDs.
    pub fn len(&self) -> u64 { todo!() }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool { todo!() }
    /// Ascending UIDs.
    pub fn iter(&self) -> impl Iterator<Item = u32> { std::iter::empty() }
    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] { todo!() }
    /// Splits into sets whose text is at most `max_bytes` long each (7,000 suits every known server).
    pub fn split(&self, _max_bytes: usize) -> Vec<UidSet> { todo!() }
}
// also: Display as `1:4,7`, FromIterator<u32>
