//! Summaries and evaluations as terminal tables and as one HTML page with its pictures inside.

use std::fmt::{self, Write as _};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    eval::{Class, Report},
    files::Summary,
    svg,
};

/// Classes and confusions listed.
const LISTED: usize = 12;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rows, {} categorised, {} with a merchant",
            self.rows, self.categorised, self.merchants
        )?;
        let groups = self.sorted_groups().into_iter().map(|(g, n)| vec![g.to_owned(), n.to_string()]);
        writeln!(f, "{}", table(&["group", "rows"], groups))?;
        let sources = self.sources.iter().map(|(s, n)| vec![(*s).to_owned(), n.to_string()]);
        write!(f, "{}", table(&["rests on", "rows"], sources))
    }
}

impl Summary {
    /// The summary as an HTML page.
    pub fn html(&self) -> String {
        let groups = self.sorted_groups();
        let levels =
            ["very high", "high", "medium", "low", "none"].into_iter().zip(self.levels).collect::<Vec<_>>();
        let body = format!(
            "<p>{} rows, {} categorised, {} with a merchant.</p><h2>Groups</h2>{}<h2>Confidence</h2>{}",
            self.rows,
            self.categorised,
            self.merchants,
            svg::bars(&groups),
            svg::bars(&levels)
        );
        page("Enrichment", &body)
    }

    fn sorted_groups(&self) -> Vec<(&'static str, usize)> {
        let mut groups: Vec<_> = self.groups.iter().map(|(g, n)| (*g, *n)).collect();
        groups.sort_by_key(|(group, rows)| (std::cmp::Reverse(*rows), *group));
        groups
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rows scored, {} left out for an unknown label", self.rows, self.unknown_labels)?;
        writeln!(f, "{}", table(&LEVEL_HEAD, self.levels()))?;
        writeln!(f, "calibration error {}", percent(self.calibration_error))?;
        writeln!(f, "group precision of the most confident 60 % of rows: {}", percent(self.top_sixty))?;
        writeln!(f, "{}", table(&["confidence", "rows", "said", "right"], self.calibration()))?;
        writeln!(f, "{}", table(&["rests on", "rows", "groups right"], self.tiers()))?;
        writeln!(
            f,
            "worst classes\n{}",
            table(&["class", "labelled", "given", "right", "F1"], self.worst())
        )?;
        write!(f, "confusions\n{}", table(&["labelled", "given", "rows"], self.confusions()))
    }
}

const LEVEL_HEAD: [&str; 6] = ["level", "labelled", "coverage", "precision", "accuracy", "macro-F1"];

impl Report {
    /// The evaluation as an HTML page.
    pub fn html(&self) -> String {
        let mut body = format!("<p>{} rows scored.</p>{}", self.rows, html_table(&LEVEL_HEAD, self.levels()));
        let points: Vec<(usize, usize, usize)> =
            self.bands.iter().map(|b| (b.said, b.right, b.rows)).collect();
        let groups: Vec<(&str, usize)> =
            self.groups.iter().map(|(g, c)| (*g, usize::from(c.f1()) / 10)).collect();
        let parts = [
            ("Confidence against share right", svg::calibration(&points)),
            ("F1 by group, in per cent", svg::bars(&groups)),
            ("Worst classes", html_table(&["class", "labelled", "given", "right", "F1"], self.worst())),
            ("Confusions", html_table(&["labelled", "given", "rows"], self.confusions())),
        ];
        for (title, part) in parts {
            write!(body, "<h2>{title}</h2>{part}").unwrap_or(());
        }
        page("Evaluation", &body)
    }

    fn levels(&self) -> Vec<Vec<String>> {
        [("group", self.primary), ("leaf", self.detailed)]
            .into_iter()
            .map(|(name, l)| {
                let shares = [l.coverage(), l.precision(), l.accuracy(), l.macro_f1].map(percent);
                [name.to_owned(), l.labelled.to_string()].into_iter().chain(shares).collect()
            })
            .collect()
    }

    fn calibration(&self) -> Vec<Vec<String>> {
        let filled = self.bands.iter().enumerate().filter(|(_, b)| b.rows > 0);
        filled
            .map(|(i, b)| {
                let share = |sum: usize| percent(u16::try_from(sum / b.rows.max(1)).unwrap_or(0));
                vec![format!("0.{i}-"), b.rows.to_string(), share(b.said), share(b.right * 1000)]
            })
            .collect()
    }

    fn tiers(&self) -> Vec<Vec<String>> {
        let row = |(source, (rows, right)): (&crate::Source, &(usize, usize))| {
            vec![source.code().to_owned(), rows.to_string(), right.to_string()]
        };
        self.sources.iter().map(row).collect()
    }

    fn worst(&self) -> Vec<Vec<String>> {
        let all = self.groups.iter().chain(&self.leaves).filter(|(_, c)| c.rows > 0);
        let mut classes: Vec<(&&str, &Class)> = all.collect();
        classes.sort_by_key(|(name, c)| (c.f1(), std::cmp::Reverse(c.rows), **name));
        let row = |(name, c): &(&&str, &Class)| {
            vec![
                (**name).to_owned(),
                c.rows.to_string(),
                c.given.to_string(),
                c.right.to_string(),
                percent(c.f1()),
            ]
        };
        classes.iter().take(LISTED).map(row).collect()
    }

    fn confusions(&self) -> Vec<Vec<String>> {
        let mut pairs: Vec<_> = self.confusion.iter().collect();
        pairs.sort_by_key(|(pair, rows)| (std::cmp::Reverse(**rows), **pair));
        let row = |((truth, given), rows): &(&(&str, &str), &usize)| {
            vec![(*truth).to_owned(), (*given).to_owned(), rows.to_string()]
        };
        pairs.iter().take(LISTED).map(row).collect()
    }
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head.to_vec()).add_rows(rows);
    table
}

fn html_table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
        cells.map(|c| format!("<{tag}>{c}</{tag}>")).collect()
    };
    let head = cells("th", &mut head.iter().copied());
    let rows: String =
        rows.iter().map(|r| format!("<tr>{}</tr>", cells("td", &mut r.iter().map(String::as_str)))).collect();
    format!("<table><tr>{head}</tr>{rows}</table>")
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>\
         body{{font:15px system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}}\
         table{{border-collapse:collapse}}td,th{{padding:.25rem .8rem;border-bottom:1px solid #d9e0e7;text-align:left}}\
         svg{{max-width:100%;height:auto}}</style><h1>{title}</h1>{body}</html>"
    )
}

fn percent(thousandths: u16) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}
