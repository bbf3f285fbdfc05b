//! Internal dates (RFC 9051 `date-time`): tolerant in, strict out.

/// The instant a server says it received a message, with the zone it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InternalDate { /* seconds since 1970 UTC: i64, offset in minutes: i16 */ }

impl InternalDate {
    /// Reads `17-Jul-1996 02:44:25 -0700`, one-digit or space-padded days, missing zone (= +0000), two-digit years;
    /// None for what is no date (NIL, 00-Jan, 32-Jan, year 0).
    pub fn parse(_bytes: &[u8]) -> Option<Self> { todo!() }
    /// From seconds since 1970 (UTC) and an offset in minutes east.
    pub fn new(_seconds: i64, _offset_minutes: i16) -> Self { todo!() }
    /// Seconds since 1970, UTC.
    pub fn seconds(self) -> i64 { todo!() }
    /// The zone's offset in minutes east of UTC.
    pub fn offset_minutes(self) -> i16 { todo!() }
    /// As APPEND wants it, without quotes: `17-Jul-1996 02:44:25 -0700` (day padded with a zero).
    pub fn to_imap(self) -> String { todo!() }
    /// The UTC date for people.
    pub fn to_utc(self) -> chrono::DateTime<chrono::Utc> { todo!() }
}
