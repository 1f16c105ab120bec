//! Structural facts: merchant category codes and the banks' transaction and purpose codes.
//!
//! MCC by ISO 18245; purpose and transaction codes by the ISO 20022 external code sets; UK codes
//! are the open-banking proprietary ones. The tables are `knowledge/mcc.csv` and `codes.csv`.

use rustc_hash::FxHashMap;

use crate::{
    knowledge::KnowledgeError,
    record::{Channel, Id, Input, Reason, Source},
    taxonomy::Leaf,
};

/// Codes whose meaning is too wide to decide alone :
/// they only tip the scale between answers the text already suggests.
const VAGUE: [u16; 16] =
    [4816, 5399, 5815, 5817, 5818, 5999, 6012, 6051, 7299, 7372, 7399, 8999, 5969, 5964, 4829, 7999];
const STRONG: i32 = 8_000;
const TIE_BREAK: i32 = 2_500;
const CODE: i32 = 8_500;

/// The code tables.
pub(crate) struct Codes {
    mcc: Vec<(u16, u16, Leaf, &'static str)>,
    codes: FxHashMap<(&'static str, &'static str), (Option<Leaf>, Channel)>,
}

impl Codes {
    pub(crate) fn embedded() -> Result<Self, KnowledgeError> {
        let mut mcc = Vec::new();
        for (line, [from, to, detailed, _]) in
            rows("mcc.csv", include_str!("../knowledge/mcc.csv")).collect::<Result<Vec<_>, _>>()?
        {
            let number = |s: &str| s.parse().map_err(|_| row("mcc.csv", line, format!("\"{s}\" is no MCC")));
            mcc.push((number(from)?, number(to)?, leaf("mcc.csv", line, detailed)?, detailed));
        }
        let mut codes = FxHashMap::default();
        for (line, [kind, code, detailed, channel]) in
            rows("codes.csv", include_str!("../knowledge/codes.csv")).collect::<Result<Vec<_>, _>>()?
        {
            let channel = Channel::ALL.into_iter().find(|c| c.code() == channel).unwrap_or_default();
            let leaf = if detailed.is_empty() { None } else { Some(leaf("codes.csv", line, detailed)?) };
            if codes.insert((kind, code), (leaf, channel)).is_some() {
                return Err(row("codes.csv", line, format!("{kind} code \"{code}\" is there twice")));
            }
        }
        Ok(Self { mcc, codes })
    }

    /// The leaf of a merchant category code; `None` where the code is none.
    pub(crate) fn mcc(&self, code: &str) -> Option<(Leaf, bool)> {
        let number: u16 = code.trim().parse().ok().filter(|n| *n > 0)?;
        let (_, _, leaf, _) = self.mcc.iter().find(|(from, to, ..)| (*from..=*to).contains(&number))?;
        Some((*leaf, !VAGUE.contains(&number)))
    }

    /// What the record's codes say, and the channel they fix.
    pub(crate) fn reasons(&self, input: &Input<'_>, out: &mut Vec<Reason>) -> Channel {
        let mut channel = Channel::Unknown;
        if let Some((leaf, strong)) = input.mcc.and_then(|m| self.mcc(m)) {
            let weight = if strong { STRONG } else { TIE_BREAK };
            out.push(Reason {
                source: Source::Mcc,
                id: Id::Entry(leaf.detailed()),
                leaf,
                span: None,
                weight,
            });
        }
        let purpose = input.purpose.and_then(|p| self.codes.get(&("purpose", p.trim())).copied());
        let bank = input.bank_code.and_then(|c| self.bank(c.trim()));
        for (leaf, fixed) in purpose.into_iter().chain(bank) {
            if fixed != Channel::Unknown {
                channel = fixed;
            }
            if let Some(leaf) = leaf {
                let id = Id::Entry(leaf.detailed());
                out.push(Reason { source: Source::Structure, id, leaf, span: None, weight: CODE });
            }
        }
        channel
    }

    fn bank(&self, code: &str) -> Option<(Option<Leaf>, Channel)> {
        let mut parts = code.splitn(3, '-');
        let (Some(domain), Some(family), Some(sub)) = (parts.next(), parts.next(), parts.next()) else {
            return self.codes.get(&("uk", code.to_ascii_uppercase().as_str())).copied();
        };
        let shapes = [
            format!("{domain}-{family}-{sub}"),
            format!("{domain}-*-{sub}"),
            format!("*-*-{sub}"),
            format!("{domain}-{family}-*"),
            format!("{domain}-*-*"),
        ];
        shapes.iter().find_map(|shape| self.codes.get(&("bank", shape.as_str())).copied())
    }
}

/// The rows of an embedded table with their line; all have four columns.
fn rows(
    file: &'static str,
    text: &'static str,
) -> impl Iterator<Item = Result<(u64, [&'static str; 4]), KnowledgeError>> {
    text.lines().zip(1..).skip(1).map(move |(line, number)| {
        let mut columns = line.split(',');
        let four = [columns.next(), columns.next(), columns.next(), columns.next()];
        match four {
            [Some(a), Some(b), Some(c), Some(d)] if columns.next().is_none() => Ok((number, [a, b, c, d])),
            _ => Err(row(file, number, "the row has not four columns".to_owned())),
        }
    })
}

fn leaf(file: &'static str, line: u64, code: &str) -> Result<Leaf, KnowledgeError> {
    Leaf::parse(code).ok_or_else(|| row(file, line, format!("the taxonomy has no category \"{code}\"")))
}

fn row(file: &'static str, line: u64, what: String) -> KnowledgeError {
    KnowledgeError::Row { file, line, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::leaf;

    #[test]
    fn the_sub_family_decides_before_the_family() {
        let codes = Codes::embedded().unwrap();
        assert_eq!(codes.bank("PMNT-CCRD-CWDL"), Some((Some(leaf::CASH_WITHDRAWAL), Channel::Atm)));
        assert_eq!(codes.bank("ACMT-MCOP-CHRG"), Some((Some(leaf::ACCOUNT_FEE), Channel::Fee)));
        assert_eq!(codes.bank("PMNT-RDDT-ESDD"), Some((None, Channel::DirectDebit)));
        assert_eq!(codes.bank("DDT"), Some((None, Channel::DirectDebit)));
    }

    #[test]
    fn every_listed_merchant_category_code_has_a_category() {
        let codes = Codes::embedded().unwrap();
        let listed = include_str!("../tests/mcc_codes.txt").lines().filter(|l| !l.starts_with('#'));
        let lacking: Vec<&str> =
            listed.flat_map(str::split_whitespace).filter(|c| codes.mcc(c).is_none()).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
    }

    #[test]
    fn a_vague_code_is_marked_and_an_unknown_one_says_nothing() {
        let codes = Codes::embedded().unwrap();
        assert_eq!(codes.mcc("5411"), Some((leaf::GROCERIES, true)));
        assert_eq!(codes.mcc("5999"), Some((leaf::OTHER_SHOPPING, false)));
        assert_eq!(codes.mcc("0000"), None);
    }
}
