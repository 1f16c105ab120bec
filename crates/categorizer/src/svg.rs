//! The two pictures of the reports.

use std::fmt::Write as _;

const BAR: usize = 22;
const LABEL: usize = 130;
const LENGTH: usize = 480;
const SIDE: usize = 320;
const MARGIN: usize = 40;

/// Horizontal bars, the longest filling the width.
pub(crate) fn bars(rows: &[(&str, usize)]) -> String {
    let largest = rows.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    let (width, height) = (LABEL + LENGTH + 70, rows.len() * BAR + 8);
    let mut out =
        format!("<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" font-size=\"13\">");
    for (i, (name, count)) in rows.iter().enumerate() {
        let (top, length) = (i * BAR + 4, count * LENGTH / largest);
        let text = top + 14;
        write!(
            out,
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LABEL}\" y=\"{top}\" width=\"{length}\" height=\"{}\" rx=\"2\" fill=\"#2f6f9f\"/>\
             <text x=\"{}\" y=\"{text}\">{count}</text>",
            LABEL - 8,
            BAR - 6,
            LABEL + length + 6
        )
        .unwrap_or(());
    }
    out + "</svg>"
}

/// Bands of confidence: `(sum of confidences in thousandths, rows right, rows)`. On the diagonal
/// the engine is as sure as it is right; the area of a point is its number of rows.
pub(crate) fn calibration(bands: &[(usize, usize, usize)]) -> String {
    let size = SIDE + 2 * MARGIN;
    let far = SIDE + MARGIN;
    let mut out = format!(
        "<svg viewBox=\"0 0 {size} {size}\" width=\"{size}\" role=\"img\" font-size=\"13\">\
         <rect x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#9aa7b4\"/>\
         <line x1=\"{MARGIN}\" y1=\"{far}\" x2=\"{far}\" y2=\"{MARGIN}\" stroke=\"#9aa7b4\" stroke-dasharray=\"4\"/>\
         <text x=\"{MARGIN}\" y=\"{}\">confidence 0 to 1</text><text x=\"{MARGIN}\" y=\"{}\">share right</text>",
        far + 24,
        MARGIN - 10
    );
    let all: usize = bands.iter().map(|(.., rows)| rows).sum();
    for (said, right, rows) in bands.iter().filter(|(.., rows)| *rows > 0) {
        let x = MARGIN + said * SIDE / (rows * 1000);
        let y = far - right * SIDE / rows;
        let radius = 4 + (rows * 400 / all.max(1)).isqrt();
        write!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"#2f6f9f\" fill-opacity=\"0.6\"/>")
            .unwrap_or(());
    }
    out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width_and_nothing_at_all_still_draws() {
        assert!(bars(&[("FOOD", 8), ("TAX_GOV", 4)]).contains("width=\"480\" height=\"16\""));
        assert!(bars(&[]).ends_with("</svg>"));
        assert!(calibration(&[(0, 0, 0)]).ends_with("</svg>"));
    }
}
