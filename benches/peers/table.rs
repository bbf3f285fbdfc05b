//! The figures as a table in Markdown: medians, and the ratio of our time to each other program's.

use crate::run::{Row, Sample};
use crate::scenario::Phase;
use std::fmt::Write;

/// The median; of an even number the mean of the two in the middle. Nothing of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[below] + values[above]) / 2.0)
}

/// The median of what `value` gives of each run.
pub(crate) fn middle(row: &Row, value: impl Fn(&Sample) -> f64) -> f64 {
    median(row.samples.iter().map(value).collect()).unwrap_or(f64::NAN)
}

pub(crate) fn seconds(sample: &Sample) -> f64 {
    sample.cost.wall.as_secs_f64()
}

/// The median of the ratios of two programs' times, each taken in one repetition.
pub(crate) fn ratio(ours: &Row, other: &Row) -> Option<f64> {
    median(ours.samples.iter().zip(&other.samples).map(|(one, two)| seconds(one) / seconds(two)).collect())
}

/// Four digits at most.
fn short(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

/// The table of one scenario. `ours` is the name of the program that the others are compared with.
pub(crate) fn table(title: &str, about: &str, rows: &[Row], ours: &str) -> String {
    let mut out = format!("### {title}: {about}\n\n");
    let counted = rows.iter().any(|row| row.samples.iter().any(|sample| sample.traffic.is_some()));
    out.push_str("| work | program | time, s | ours / its | its CPU, s | servers' CPU, s | memory, MiB |");
    out.push_str(if counted { " connections | turns | KiB sent | KiB received |" } else { "" });
    out.push_str(" result |\n|---|---|--:|--:|--:|--:|--:|");
    out.push_str(if counted { "--:|--:|--:|--:|" } else { "" });
    out.push_str("---|\n");
    for row in rows {
        let reference = rows.iter().find(|other| other.tool == ours && other.phase == row.phase);
        let times: Vec<f64> = row.samples.iter().map(seconds).collect();
        let (least, most) = times.iter().fold((f64::MAX, 0_f64), |(a, b), t| (a.min(*t), b.max(*t)));
        let ratio = reference.filter(|other| other.tool != row.tool).and_then(|ours| ratio(ours, row));
        let _ = write!(
            out,
            "| {} | {} | {} ({}-{}) | {} | {} | {} | {} |",
            row.phase.name(),
            row.tool,
            short(middle(row, seconds)),
            short(least),
            short(most),
            ratio.map_or(String::new(), short),
            short(middle(row, |sample| sample.cost.cpu.as_secs_f64())),
            short(middle(row, |sample| sample.server_cpu.as_secs_f64())),
            short(middle(row, |sample| sample.cost.memory as f64 / f64::from(1 << 20))),
        );
        if counted {
            let both = |pick: fn(&crate::proxy::Traffic) -> u64, scale: f64| {
                let side = |n: usize| {
                    short(middle(row, |sample| {
                        sample.traffic.map_or(f64::NAN, |t| pick(&t[n]) as f64 / scale)
                    }))
                };
                let whole = |n: usize| {
                    format!(
                        "{:.0}",
                        middle(row, |sample| sample.traffic.map_or(f64::NAN, |t| pick(&t[n]) as f64))
                    )
                };
                if scale == 1.0 {
                    format!("{}, {}", whole(0), whole(1))
                } else {
                    format!("{}, {}", side(0), side(1))
                }
            };
            let _ = write!(
                out,
                " {} | {} | {} | {} |",
                both(|t| t.connections, 1.0),
                both(|t| t.turns, 1.0),
                both(|t| t.sent, 1024.0),
                both(|t| t.received, 1024.0)
            );
        }
        let _ = writeln!(out, " {} |", result(row));
    }
    out.push('\n');
    out
}

/// What is to be said of the outcome: all that was found in any of the runs.
fn result(row: &Row) -> String {
    let mut said = Vec::new();
    for sample in &row.samples {
        let one = match (sample.cost.succeeded, sample.verdict) {
            (false, None) => "**FAILED**".to_owned(),
            (false, Some(verdict)) => format!("**FAILED**, {verdict}"),
            (true, None) => "not looked at".to_owned(),
            (true, Some(verdict)) => verdict.to_string(),
        };
        if !said.contains(&one) {
            said.push(one);
        }
    }
    said.join("; ")
}

/// Round trips on the critical path: what a first copy takes longer, for each millisecond that the line is longer.
pub(crate) fn round_trips(near: &[Row], far: &[Row], difference_ms: f64) -> String {
    let mut out = String::from(
        "### Round trips on the critical path\n\n| program | first copy | nothing | increment |\n|---|--:|--:|--:|\n",
    );
    let copies = near.iter().filter(|row| row.phase == Phase::FirstCopy);
    for tool in copies.map(|row| &row.tool) {
        let _ = write!(out, "| {tool} |");
        for phase in Phase::ALL {
            let find = |rows: &[Row]| {
                let row = rows.iter().find(|row| row.phase == phase && row.tool == *tool);
                row.map(|row| middle(row, seconds) * 1000.0)
            };
            let trips = find(far).zip(find(near)).map(|(far, near)| (far - near) / difference_ms);
            let _ = write!(out, " {} |", trips.map_or(String::new(), |trips| format!("{trips:.1}")));
        }
        out.push('\n');
    }
    out.push('\n');
    out
}
