//! Numbers with their units as they are read, on one line.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::thousands;

/// No line ends between a number and its unit.
const SPACE: char = '\u{a0}';

/// `71.3 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}{SPACE}%", 100.0 * share)
}

/// `1 epoch`, `13 epochs`.
pub(super) fn epochs(count: usize) -> String {
    format!("{}{SPACE}epoch{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// `1.4 s`, `12 s`, `3:07 min`, `1:02:45 h`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1}{SPACE}s"),
        10..60 => format!("{whole}{SPACE}s"),
        60..3600 => format!("{}:{:02}{SPACE}min", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}{SPACE}h", whole / 3600, whole / 60 % 60, whole % 60),
    }
}

/// The date in UTC, `2026-01-31`.
pub(super) fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400);
    let (year, month, day) = civil(days as i64);
    format!("{year}-{month:02}-{day:02}")
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_781), (2026, 11, 24));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(1.44), "1.4\u{a0}s");
        assert_eq!(duration(187.2), "3:07\u{a0}min");
        assert_eq!(duration(3765.0), "1:02:45\u{a0}h");
    }
}
