//! Numbers and dates as people read them, in the original's formats.

use chrono::{DateTime, TimeZone};
use std::fmt::Display;

/// A number of bytes in the unit that suits it: `1.500 KiB`.
pub(crate) fn bytes(count: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = count / 1024.0;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.3} {}", UNITS[unit])
}

/// A date: `Wednesday 29 June 2022-06-29 14:05:41 +0200`.
pub(crate) fn date<Tz: TimeZone<Offset: Display>>(date: &DateTime<Tz>) -> String {
    date.format("%A %d %B %Y-%m-%d %H:%M:%S %z").to_string()
}

/// `part` per `whole`; 0 where there is no whole.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// A count as a number to calculate rates with; the 53 bits of a float are enough for those.
#[allow(clippy::cast_precision_loss)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (count, expected) in [
            (0.0, "0.000 KiB"),
            (18.0, "0.018 KiB"),
            (1536.0, "1.500 KiB"),
            (-1536.0, "-1.500 KiB"),
            (1024.0 * 1024.0, "1.000 MiB"),
            (2.5 * 1024.0 * 1024.0 * 1024.0, "2.500 GiB"),
            (1024f64.powi(5), "1024.000 TiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn dates() {
        let summer = DateTime::parse_from_rfc3339("2022-06-29T14:05:41+02:00").unwrap();
        assert_eq!(date(&summer), "Wednesday 29 June 2022-06-29 14:05:41 +0200");
    }
}
