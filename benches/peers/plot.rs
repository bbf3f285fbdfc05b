//! The figures as a picture: for each piece of work the times of all programs as bars.

use crate::run::Row;
use crate::table::{middle, seconds};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 190.0;
const BAR: f64 = 16.0;
const GAP: f64 = 4.0;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The picture of these tables, each with its title, as SVG. `ours` is the name of the program that is set off.
pub(crate) fn svg(tables: &[(String, Vec<Row>)], ours: &str) -> String {
    let (mut body, mut y) = (String::new(), 10.0);
    for (title, rows) in tables {
        let mut at = 0;
        while at < rows.len() {
            let phase = rows[at].phase;
            let group: Vec<&Row> = rows[at..].iter().take_while(|row| row.phase == phase).collect();
            at += group.len();
            y += 14.0;
            let _ = writeln!(
                body,
                r#"<text x="10" y="{y}" font-weight="bold">{}, {}</text>"#,
                escaped(title),
                phase.name()
            );
            y += 8.0;
            let longest = group.iter().map(|row| middle(row, seconds)).fold(1e-9, f64::max);
            for row in group {
                let time = middle(row, seconds);
                let length = (WIDTH - LEFT - 80.0) * time / longest;
                let colour = match row.tool.as_str() {
                    tool if tool.starts_with(ours) => "#c2410c",
                    tool if tool.starts_with("zero-cost") => "#9ca3af",
                    _ => "#1d4ed8",
                };
                let middle = y + BAR - 4.0;
                let _ = writeln!(
                    body,
                    r#"<text x="{}" y="{middle}" text-anchor="end">{}</text><rect x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}" fill="{colour}"/><text x="{:.1}" y="{middle}">{time:.3} s</text>"#,
                    LEFT - 6.0,
                    escaped(&row.tool),
                    LEFT + length + 6.0
                );
                y += BAR + GAP;
            }
            y += 10.0;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}
