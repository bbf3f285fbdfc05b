//! Internal dates (RFC 9051 `date-time`): tolerant in, strict out.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Timelike as _, Utc};
use std::fmt;
use std::num::NonZeroI64;

/// The instant a server says it received a message, with the zone it was written in.
///
/// Its year has four digits, in its own zone and in UTC. Most servers answer the same instant in another zone than the
/// one they were given, so compare [`seconds`](Self::seconds) across servers, never the whole value.
///
/// ```
/// use imapsync_core::imap::date::InternalDate;
/// let date = InternalDate::parse(b" 7-jul-96 2:44:25 -0700").unwrap();
/// assert_eq!(date.to_imap(), "07-Jul-1996 02:44:25 -0700");
/// assert_eq!(date.seconds(), 836_732_665);
/// ```
// Every message of a listing has one: both numbers in one word, which is never zero, so that an Option is no larger.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InternalDate(NonZeroI64);

/// The bits of the offset, moved so that it is positive.
const OFFSET_BITS: u32 = 12;
const OFFSET_ZERO: i64 = 1 << (OFFSET_BITS - 1);

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// 0001-01-02 00:00:00 UTC and 9999-12-30 23:59:59 UTC: in between the year has four digits in every zone.
const FIRST_SECOND: i64 = -62_135_510_400;
const LAST_SECOND: i64 = 253_402_214_399;
/// The largest offset: less than a day.
const MAX_OFFSET: i16 = 24 * 60 - 1;
/// 1970-01-02 00:00:00 and 2038-01-18 00:00:00 UTC.
const FIRST_KEPT: i64 = 86_400;
const LAST_KEPT: i64 = 2_147_385_600;

impl InternalDate {
    /// Reads `17-Jul-1996 02:44:25 -0700`, one-digit or space-padded days, missing zone (= +0000), two-digit years;
    /// None for what is no date (NIL, 00-Jan, 32-Jan, year 0).
    ///
    /// Also read: any case, quotes and spaces around it, missing seconds, second 60 (taken as 59), `GMT`, `UTC`, `UT`
    /// and `Z` for a zone. Years of two digits are 1950 to 2049, those of three count from 1900 (RFC 5322 section 4.3).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut words =
            text.trim_matches(|c: char| c == '"' || c.is_ascii_whitespace()).split_ascii_whitespace();

        let mut parts = words.next()?.split('-');
        let day = digits(parts.next()?, 2)?;
        let name = parts.next()?;
        let month = (1..).zip(MONTHS).find(|(_, month)| month.eq_ignore_ascii_case(name))?.0;
        let year = year(parts.next()?)?;
        if parts.next().is_some() {
            return None;
        }

        let mut parts = words.next()?.split(':');
        let hour = digits(parts.next()?, 2)?;
        let minute = digits(parts.next()?, 2)?;
        let second = parts.next().map_or(Some(0), |text| digits(text, 2))?;
        if parts.next().is_some() || second > 60 {
            return None;
        }

        let offset_minutes = words.next().map_or(Some(0), zone)?;
        if words.next().is_some() {
            return None;
        }

        let local = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second.min(59))?;
        let seconds = local.and_utc().timestamp() - i64::from(offset_minutes) * 60;
        (FIRST_SECOND..=LAST_SECOND).contains(&seconds).then(|| Self::new(seconds, offset_minutes))
    }

    /// From seconds since 1970 (UTC) and an offset in minutes east. Values beyond the years 1 to 9999, or an offset of
    /// a day and more, become the nearest possible.
    pub fn new(seconds: i64, offset_minutes: i16) -> Self {
        let seconds = seconds.clamp(FIRST_SECOND, LAST_SECOND);
        let offset = i64::from(offset_minutes.clamp(-MAX_OFFSET, MAX_OFFSET)) + OFFSET_ZERO;
        // Never the least: the offset is positive.
        Self(NonZeroI64::new((seconds << OFFSET_BITS) + offset).unwrap_or(NonZeroI64::MIN))
    }

    /// Seconds since 1970, UTC.
    pub fn seconds(self) -> i64 {
        self.0.get() >> OFFSET_BITS
    }

    /// The zone's offset in minutes east of UTC.
    pub fn offset_minutes(self) -> i16 {
        ((self.0.get() & ((1 << OFFSET_BITS) - 1)) - OFFSET_ZERO) as i16
    }

    /// As APPEND wants it, without quotes: `17-Jul-1996 02:44:25 -0700` (day padded with a zero).
    pub fn to_imap(self) -> String {
        self.to_string()
    }

    /// The UTC date for people.
    pub fn to_utc(self) -> DateTime<Utc> {
        // Never the default: the field is always within chrono's range.
        DateTime::from_timestamp(self.seconds(), 0).unwrap_or_default()
    }

    /// Whether every server that we know stores this date as it is: 1970-01-02 to 2038-01-18, UTC.
    ///
    /// Outside, an `OK` proves nothing. Of dates before 1970 some servers refuse the whole APPEND (Cyrus, Courier, UW)
    /// and others store something else (Dovecot: 1969 becomes 2038); 1970-01-01 00:00:00 becomes the present time on
    /// some; later than 2038-01-19 becomes the present time (Dovecot), 2106 and later wraps (Cyrus).
    pub fn is_portable(self) -> bool {
        (FIRST_KEPT..=LAST_KEPT).contains(&self.seconds())
    }

    /// The nearest date that every server stores, in the same zone; a portable date is returned as it is.
    ///
    /// The policy: a date that is not [portable](Self::is_portable) is sent clamped, because a message that sorts at the
    /// right end of its folder is worth more than one that is refused, or that bears the time of the copy. A caller that
    /// knows its server may send the true date and read it back.
    ///
    /// ```
    /// use imapsync_core::imap::date::InternalDate;
    /// let old = InternalDate::parse(b"31-Dec-1950 23:00:00 +0000").unwrap();
    /// assert!(!old.is_portable());
    /// assert_eq!(old.clamped().to_imap(), "02-Jan-1970 00:00:00 +0000");
    /// ```
    #[must_use]
    pub fn clamped(self) -> Self {
        Self::new(self.seconds().clamp(FIRST_KEPT, LAST_KEPT), self.offset_minutes())
    }
}

impl fmt::Debug for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InternalDate({self})")
    }
}

/// The form that APPEND wants, without quotes.
impl fmt::Display for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.to_utc().naive_utc() + TimeDelta::minutes(self.offset_minutes().into());
        let month = MONTHS.get(local.month0() as usize).copied().unwrap_or_default();
        let minutes = self.offset_minutes();
        let (sign, offset) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
        write!(
            f,
            "{:02}-{month}-{:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            local.day(),
            local.year(),
            local.hour(),
            local.minute(),
            local.second(),
            offset / 60,
            offset % 60,
        )
    }
}

/// A number of one to `max` digits and nothing else.
fn digits(text: &str, max: usize) -> Option<u32> {
    let plain = (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// A year, short ones completed as RFC 5322 section 4.3 says.
fn year(text: &str) -> Option<i32> {
    let year = i32::try_from(digits(text, 4)?).ok()?;
    match text.len() {
        2 if year < 50 => Some(2000 + year),
        2 | 3 => Some(1900 + year),
        4 => Some(year).filter(|year| *year > 0),
        _ => None,
    }
}

/// A zone in minutes east of UTC.
fn zone(text: &str) -> Option<i16> {
    if ["GMT", "UTC", "UT", "Z"].iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Some(0);
    }
    let (east, number) = match text.strip_prefix('+') {
        Some(number) => (1, number),
        None => (-1, text.strip_prefix('-')?),
    };
    let number = i16::try_from(digits(number, 4).filter(|_| number.len() == 4)?).ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(east * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The other reading: chrono's own parser.
    fn by_chrono(text: &str) -> Option<i64> {
        DateTime::parse_from_str(text, "%d-%b-%Y %H:%M:%S %z").ok().map(|date| date.timestamp())
    }

    /// Seconds as `date -u -d ... +%s` of coreutils gives them.
    const GOOD: &[(&str, i64, &str)] = &[
        ("17-Jul-1996 02:44:25 -0700", 837_596_665, "17-Jul-1996 02:44:25 -0700"),
        (" 1-Jan-2020 00:00:00 +0000", 1_577_836_800, "01-Jan-2020 00:00:00 +0000"),
        ("1-Jan-2020 00:00:00 +0000", 1_577_836_800, "01-Jan-2020 00:00:00 +0000"),
        ("01-JAN-2020 00:00:00", 1_577_836_800, "01-Jan-2020 00:00:00 +0000"),
        ("\" 1-Jan-20 00:00 GMT\"", 1_577_836_800, "01-Jan-2020 00:00:00 +0000"),
        ("01-Jan-120 00:00:00 z", 1_577_836_800, "01-Jan-2020 00:00:00 +0000"),
        ("31-Dec-69 23:59:59 +0000", -1, "31-Dec-1969 23:59:59 +0000"),
        ("29-Feb-2000 12:00:00 +0530", 951_805_800, "29-Feb-2000 12:00:00 +0530"),
        ("29-Feb-2000 12:00:00 -0030", 951_827_400, "29-Feb-2000 12:00:00 -0030"),
        ("31-Dec-2016 23:59:60 +0000", 1_483_228_799, "31-Dec-2016 23:59:59 +0000"),
        ("01-Jan-2300 00:00:00 +0000", 10_413_792_000, "01-Jan-2300 00:00:00 +0000"),
        ("01-Jan-1900 00:00:00 -0000", -2_208_988_800, "01-Jan-1900 00:00:00 +0000"),
    ];

    const BAD: &[&str] = &[
        "",
        "NIL",
        "\"",
        "00-Jan-2020 00:00:00 +0000",
        "32-Jan-2020 00:00:00 +0000",
        "30-Feb-2020 00:00:00 +0000",
        "29-Feb-2019 00:00:00 +0000",
        "00-Jan-0000 00:00:00 +0000",
        "01-Jan-0000 00:00:00 +0000",
        "01-Jan-1 00:00:00 +0000",
        "01-Jan-20201 00:00:00 +0000",
        "01-Jan-99999999999999999999 00:00:00 +0000",
        "01-Foo-2020 00:00:00 +0000",
        "01-Jan-2020 24:00:00 +0000",
        "01-Jan-2020 00:60:00 +0000",
        "01-Jan-2020 00:00:61 +0000",
        "01-Jan-2020 -1:00:00 +0000",
        "01-Jan-2020 00:00:00 +2400",
        "01-Jan-2020 00:00:00 +0060",
        "01-Jan-2020 00:00:00 0000",
        "01-Jan-2020 00:00:00 +00",
        "01-Jan-2020 00:00:00 +0000 x",
        "01-Jan-2020-x 00:00:00 +0000",
        "01-Jan-2020 00:00:00:00 +0000",
        "01-Jan-2020",
        "01 Jan 2020 00:00:00 +0000",
        "+1-Jan-2020 00:00:00 +0000",
        "01-Jan-0001 00:00:00 +0000",
        "31-Dec-9999 23:59:59 -2359",
        "０1-Jan-2020 00:00:00 +0000",
    ];

    #[test]
    fn tables() {
        for (text, seconds, written) in GOOD {
            let date = InternalDate::parse(text.as_bytes()).expect(text);
            assert_eq!(date.seconds(), *seconds, "{text}");
            assert_eq!(date.to_imap(), *written);
            assert_eq!(by_chrono(written), Some(*seconds), "{written}");
        }
        for text in BAD {
            assert_eq!(InternalDate::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(InternalDate::parse(b"01-Jan-2020 00:00:00 \xff"), None);
    }

    #[test]
    fn limits_are_the_dates_they_claim_to_be() {
        for (seconds, text) in [
            (FIRST_SECOND, "02-Jan-0001 00:00:00 +0000"),
            (LAST_SECOND, "30-Dec-9999 23:59:59 +0000"),
            (FIRST_KEPT, "02-Jan-1970 00:00:00 +0000"),
            (LAST_KEPT, "18-Jan-2038 00:00:00 +0000"),
        ] {
            assert_eq!(by_chrono(text), Some(seconds));
        }
        assert_eq!(InternalDate::new(i64::MIN, i16::MIN).to_imap(), "01-Jan-0001 00:01:00 -2359");
        assert_eq!(InternalDate::new(i64::MAX, i16::MAX).to_imap(), "31-Dec-9999 23:58:59 +2359");
    }

    #[test]
    fn portable_dates() {
        for (text, clamped) in [
            ("17-Jul-1996 02:44:25 -0700", "17-Jul-1996 02:44:25 -0700"),
            ("01-Jan-1970 00:00:00 +0000", "02-Jan-1970 00:00:00 +0000"),
            ("01-Jan-1950 00:00:00 +0200", "02-Jan-1970 02:00:00 +0200"),
            ("19-Jan-2038 03:14:08 +0000", "18-Jan-2038 00:00:00 +0000"),
        ] {
            let date = InternalDate::parse(text.as_bytes()).unwrap();
            assert_eq!(date.clamped().to_imap(), clamped);
            assert_eq!(date.is_portable(), text == clamped);
            assert!(date.clamped().is_portable());
        }
    }

    proptest! {
        #[test]
        fn round_trip(seconds in any::<i64>(), near in -100_000_000_000i64..300_000_000_000, offset in any::<i16>()) {
            for seconds in [seconds, near] {
                let date = InternalDate::new(seconds, offset);
                let text = date.to_imap();
                prop_assert_eq!(text.len(), 26);
                prop_assert_eq!(InternalDate::parse(text.as_bytes()), Some(date));
                prop_assert_eq!(by_chrono(&text), Some(date.seconds()));
                prop_assert_eq!(date.to_utc().timestamp(), date.seconds());
            }
        }

        #[test]
        fn reads_what_chrono_reads(
            day in 0u32..34, month in 0usize..12, year in 1i32..9999, hour in 0u32..26, minute in 0u32..62,
            second in 0u32..60, zone in -1300i32..1300,
        ) {
            let text = format!("{day:02}-{}-{year:04} {hour:02}:{minute:02}:{second:02} {zone:+05}", MONTHS[month]);
            let date = InternalDate::parse(text.as_bytes()).map(InternalDate::seconds);
            prop_assume!((FIRST_SECOND..=LAST_SECOND).contains(&by_chrono(&text).unwrap_or(0)));
            prop_assert_eq!(date, by_chrono(&text), "{}", text);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[0-9 :+Jan\"-]{0,30}") {
            let _ = InternalDate::parse(&bytes);
            let _ = InternalDate::parse(text.as_bytes());
        }
    }
}
