//! Which categories money going out or coming in may have, and what a word of the other direction
//! means. Hard constraints: no evidence overrides them.

use std::sync::LazyLock;

use crate::taxonomy::{Leaf, leaf};

/// Leaves only money coming in can have, beside the whole of `INCOME`.
const ONLY_IN: [Leaf; 3] = [leaf::P2P_IN, leaf::CASH_DEPOSIT, leaf::LOAN_RECEIVED];

/// Leaves outside `INCOME` that money coming in may have.
const BOTH: [Leaf; 12] = [
    leaf::OWN_ACCOUNT,
    leaf::WALLET,
    leaf::REMITTANCE,
    leaf::CHEQUE,
    leaf::OTHER_TRANSFER,
    leaf::SAVINGS,
    leaf::INVESTMENT,
    leaf::RETIREMENT,
    leaf::CRYPTO,
    leaf::CARD_REPAYMENT,
    leaf::GAMBLING,
    leaf::UNCATEGORISED,
];

/// Whether money of this direction may have the category.
pub(crate) fn allows(debit: bool, leaf: Leaf) -> bool {
    let only_in = leaf.primary() == "INCOME" || ONLY_IN.contains(&leaf);
    if debit { !only_in } else { only_in || BOTH.contains(&leaf) }
}

/// The answers of [`allows`] for every leaf, money coming in first.
pub(crate) static ALLOWED: LazyLock<[[bool; Leaf::COUNT]; 2]> = LazyLock::new(|| {
    [false, true].map(|debit| {
        let mut allowed = [false; Leaf::COUNT];
        for (slot, leaf) in allowed.iter_mut().zip(Leaf::all()) {
            *slot = leaf != leaf::UNCATEGORISED && allows(debit, leaf);
        }
        allowed
    })
});

/// What evidence for `leaf` means for money of this direction: itself where allowed, the other leg
/// where there is one (a shop's credit is a refund), else nothing.
pub(crate) fn seen_from(debit: bool, leaf: Leaf) -> Option<Leaf> {
    if allows(debit, leaf) {
        return Some(leaf);
    }
    if debit { going_out(leaf) } else { coming_in(leaf) }
}

fn going_out(of: Leaf) -> Option<Leaf> {
    match of {
        leaf::PENSION => Some(leaf::RETIREMENT),
        leaf::INTEREST => Some(leaf::INTEREST_CHARGED),
        leaf::DIVIDENDS => Some(leaf::INVESTMENT),
        leaf::RENTAL_INCOME => Some(leaf::RENT),
        leaf::TAX_REFUND => Some(leaf::INCOME_TAX),
        leaf::P2P_IN | leaf::MAINTENANCE_IN => Some(leaf::P2P_OUT),
        leaf::LOAN_RECEIVED => Some(leaf::PERSONAL_LOAN),
        leaf::OTHER_INCOME => Some(leaf::OTHER_TRANSFER),
        _ => None,
    }
}

fn coming_in(of: Leaf) -> Option<Leaf> {
    match of {
        leaf::P2P_OUT => Some(leaf::P2P_IN),
        leaf::CASH_WITHDRAWAL => Some(leaf::CASH_DEPOSIT),
        leaf::RENT => Some(leaf::RENTAL_INCOME),
        leaf::INCOME_TAX | leaf::LOCAL_TAX => Some(leaf::TAX_REFUND),
        leaf::INTEREST_CHARGED => Some(leaf::INTEREST),
        leaf::PERSONAL_LOAN | leaf::STUDENT_LOAN | leaf::MORTGAGE | leaf::PAYDAY_PAWN => {
            Some(leaf::LOAN_RECEIVED)
        }
        _ => Some(leaf::REFUND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_seen_from_a_direction_is_allowed_in_it() {
        for debit in [true, false] {
            assert!(Leaf::all().filter_map(|l| seen_from(debit, l)).all(|l| allows(debit, l)));
        }
    }

    #[test]
    fn a_shop_that_pays_is_a_refund_and_wages_never_go_out() {
        assert_eq!(seen_from(false, leaf::GROCERIES), Some(leaf::REFUND));
        assert_eq!(seen_from(true, leaf::SALARY), None);
    }
}
