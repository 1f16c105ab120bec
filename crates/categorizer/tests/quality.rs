//! What the engine must keep knowing.
#![expect(clippy::unwrap_used, reason = "helpers of tests panic")]

use std::{path::Path, sync::LazyLock};

use categorizer::{Engine, Input, eval, eval::Report, files, taxonomy::Leaf};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn evaluated(file: &str, learn: bool) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    eval::run_file(&Engine::embedded().unwrap(), &path, learn).unwrap()
}

#[test]
fn the_golden_lines_of_nine_languages_are_known() {
    let report = evaluated("golden.csv", false);
    assert!(report.rows >= 1000, "{report}");
    assert!(report.primary.accuracy() >= 960 && report.detailed.accuracy() >= 950, "{report}");
    assert!(report.top_sixty >= 980 && report.calibration_error <= 50, "{report}");
}

#[test]
fn lines_cut_off_or_run_together_are_still_known() {
    let report = evaluated("bent.csv", false);
    assert!(report.primary.accuracy() >= 850, "{report}");
}

#[test]
fn brands_the_model_never_saw_are_placed_by_its_letters() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/held_out.csv");
    let model = categorizer::model::Model::embedded().unwrap();
    let mut reader = csv::Reader::from_path(path).unwrap();
    let (mut rows, mut right) = (0, 0);
    for row in reader.records().map(Result::unwrap) {
        let truth = Leaf::parse(row.get(1).unwrap()).unwrap();
        let weights = model.weights(&categorizer::text::Text::new(row.get(0).unwrap()));
        let best = Leaf::all().max_by_key(|l| weights.get(l.index()).copied()).unwrap();
        rows += 1;
        right += usize::from(best.group() == truth.group());
    }
    assert!(rows >= 1000 && right * 100 >= rows * 58, "{right} of {rows}");
}

#[test]
fn one_users_corrections_teach() {
    let before = evaluated("golden.csv", false);
    let after = evaluated("golden.csv", true);
    assert!(after.primary.accuracy() + 15 >= before.primary.accuracy(), "{after}");
}

#[test]
fn an_answer_always_has_a_reason_and_respects_the_direction() {
    let engine = Engine::embedded().unwrap();
    let lines = [
        "",
        " ",
        "***",
        "SALARY",
        "TESCO",
        "REFUND SALARY TESCO RENT",
        "\u{5d0}\u{5d1}",
        "1234 5678",
        "É’+&",
    ];
    for line in lines {
        for amount in [Decimal::ONE, Decimal::NEGATIVE_ONE, Decimal::ZERO] {
            let input = Input { description: line, amount, currency: "GBP", ..Input::default() };
            let answer = engine.categorise(&input);
            assert!(!answer.why.0.is_empty(), "{line}");
            assert!(answer.clean_description.chars().count() <= 40, "{line}");
            let income = answer.category.primary == "INCOME";
            assert!(amount > Decimal::ZERO || !income, "{line} {}", answer.category);
            assert_eq!(engine.categorise(&input).category, answer.category);
        }
    }
}

#[test]
fn a_report_draws_its_pictures() {
    let html = evaluated("golden.csv", false).html();
    assert!(html.contains("<svg") && html.contains("Worst classes"));
    let file = "description,amount,currency,direction\nTESCO,1,GBP,debit\n";
    let summary = files::enrich(&Engine::embedded().unwrap(), file.as_bytes(), Vec::new()).unwrap();
    assert!(summary.html().contains("<svg") && summary.to_string().contains("FOOD"));
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::embedded().unwrap());

proptest! {
    #[test]
    fn any_text_whatever_is_answered_with_spans_inside_it(text in "\\PC{0,60}", cents in -10_000_i64..10_000) {
        let input = Input { description: &text, amount: Decimal::new(cents, 2), currency: "EUR", ..Input::default() };
        let answer = ENGINE.categorise(&input);
        prop_assert!(!answer.why.0.is_empty() && answer.clean_description.chars().count() <= 40);
        for span in answer.why.0.iter().filter_map(|r| r.span.clone()) {
            prop_assert!(text.get(span).is_some());
        }
    }
}
