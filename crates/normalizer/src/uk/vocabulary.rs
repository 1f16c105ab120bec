//! The words of UK Open Banking. Banks of version 4 still send words of version 3 and the reverse, so both are
//! understood whatever the version says.

use events::{AccountStatus, AccountType, BalanceKind, HolderKind, TransactionStatus};

/// `OBEntryStatus1Code` of version 3, `ExternalEntryStatus1Code` of version 4.
pub(super) fn status(word: &str) -> Option<TransactionStatus> {
    Some(match word {
        "BOOK" | "Booked" => TransactionStatus::Booked,
        "PDNG" | "Pending" => TransactionStatus::Pending,
        "INFO" | "FUTR" | "Information" | "Future" => TransactionStatus::Informational,
        "RJCT" | "Rejected" => TransactionStatus::Rejected,
        _ => return None,
    })
}

/// `OBBalanceType1Code` of both versions; `CLBS` and `XPCH` stand in version 4's prose only.
pub(super) fn balance_kind(word: &str) -> BalanceKind {
    match word {
        "CLBD" | "CLBS" | "ITBD" | "ClosingBooked" | "InterimBooked" => BalanceKind::Booked,
        "CLAV" | "ITAV" | "ClosingAvailable" | "InterimAvailable" => BalanceKind::Available,
        "XPCD" | "XPCH" | "Expected" => BalanceKind::Expected,
        "OPBD" | "OPAV" | "OpeningBooked" | "OpeningAvailable" | "OpeningCleared" => BalanceKind::Opening,
        "PRCD" | "PreviouslyClosedBooked" => BalanceKind::PreviousClose,
        _ => BalanceKind::Other,
    }
}

/// `AccountSubType` of version 3, `AccountTypeCode` (ISO 20022 cash account types) of version 4.
pub(super) fn account_type(word: &str) -> AccountType {
    match word {
        "CurrentAccount" | "CACC" | "TRAN" | "SLRY" | "ODFT" => AccountType::Current,
        "Savings" | "SVGS" | "LLSV" | "MOMA" | "ONDP" => AccountType::Savings,
        "CreditCard" | "ChargeCard" | "PrePaidCard" | "CARD" => AccountType::Card,
        "Loan" | "LOAN" => AccountType::Loan,
        "Mortgage" | "MORT" => AccountType::Mortgage,
        "EMoney" | "Wallet" | "WALT" => AccountType::Wallet,
        "TRAS" => AccountType::Investment,
        _ => AccountType::Other,
    }
}

/// `AccountType` of version 3, `AccountCategory` of version 4.
pub(super) fn holder_kind(word: Option<&str>) -> HolderKind {
    match word {
        Some("Personal") => HolderKind::Personal,
        Some("Business") => HolderKind::Business,
        _ => HolderKind::Unknown,
    }
}

/// An account that was switched to another bank says so apart from its status.
pub(super) fn account_status(word: Option<&str>, switch: Option<&str>) -> AccountStatus {
    match (switch, word) {
        (Some("UK.CASS.SwitchCompleted"), _) => AccountStatus::Switched,
        (_, Some("Enabled")) => AccountStatus::Open,
        (_, Some("Deleted")) => AccountStatus::Closed,
        (_, Some("Disabled")) => AccountStatus::Blocked,
        _ => AccountStatus::Unknown,
    }
}

/// The family's ISO 20022 code. Version 3 spells names out, in the singular or the plural.
pub(super) fn family(word: &str) -> &str {
    match word.strip_suffix('s').unwrap_or(word) {
        "ReceivedCreditTransfer" => "RCDT",
        "IssuedCreditTransfer" => "ICDT",
        "ReceivedDirectDebit" => "RDDT",
        "IssuedDirectDebit" => "IDDT",
        "ReceivedRealTimeCreditTransfer" => "RRCT",
        "IssuedRealTimeCreditTransfer" => "IRCT",
        "CustomerCardTransaction" => "CCRD",
        "MerchantCardTransaction" => "MCRD",
        "CounterTransaction" => "CNTR",
        "ReceivedCheque" => "RCHQ",
        "IssuedCheque" => "ICHQ",
        "MiscellaneousCreditOperation" => "MCOP",
        "MiscellaneousDebitOperation" => "MDOP",
        _ => word,
    }
}

/// The sub-family's ISO 20022 code.
pub(super) fn sub_family(word: &str) -> &str {
    match word.strip_suffix('s').unwrap_or(word) {
        "DomesticCreditTransfer" => "DMCT",
        "CrossBorderCreditTransfer" | "CrossborderCreditTransfer" => "XBCT",
        "SEPACreditTransfer" => "ESCT",
        "InternalBookTransfer" => "BOOK",
        "PayrollSalaryPayment" => "SALA",
        "StandingOrder" => "STDO",
        "DirectDebit" | "DirectDebitPayment" => "PMDD",
        "SEPACoreDirectDebit" => "ESDD",
        "CashWithdrawal" => "CWDL",
        "CashDeposit" => "CDPT",
        "PointOfSaleDebitCard" | "PointofSalePaymentDebitCard" | "PointOfSalePaymentDebitCard" => "POSD",
        "PointOfSaleCreditCard" | "PointofSalePaymentCreditCard" | "PointOfSalePaymentCreditCard" => "POSC",
        "Charge" => "CHRG",
        "Fee" => "FEES",
        "Commission" => "COMM",
        "Interest" => "INTR",
        "Cheque" => "CCHQ",
        "Adjustment" => "ADJT",
        "NotAvailable" => "NTAV",
        "Other" => "OTHR",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_words_mean_the_same() {
        for (old, new) in [("Booked", "BOOK"), ("Pending", "PDNG"), ("Rejected", "RJCT")] {
            assert_eq!(status(old), status(new));
        }
        for (old, new) in [
            ("InterimBooked", "ITBD"),
            ("ClosingAvailable", "CLAV"),
            ("Expected", "XPCD"),
            ("OpeningBooked", "OPBD"),
            ("PreviouslyClosedBooked", "PRCD"),
            ("ForwardAvailable", "FWAV"),
        ] {
            assert_eq!(balance_kind(old), balance_kind(new), "{old}");
        }
        for (old, new) in
            [("CurrentAccount", "CACC"), ("Savings", "SVGS"), ("CreditCard", "CARD"), ("Wallet", "WALT")]
        {
            assert_eq!(account_type(old), account_type(new), "{old}");
        }
        assert_eq!((family("ReceivedCreditTransfers"), family("RCDT")), ("RCDT", "RCDT"));
        assert_eq!((sub_family("DomesticCreditTransfer"), sub_family("DMCT")), ("DMCT", "DMCT"));
        assert_eq!(sub_family("Fees"), "FEES");
    }

    #[test]
    fn a_word_of_neither_version_is_no_status() {
        assert_eq!(status("POSTED"), None);
    }

    #[test]
    fn a_switched_account_says_so_whatever_its_status() {
        assert_eq!(account_status(Some("Enabled"), Some("UK.CASS.SwitchCompleted")), AccountStatus::Switched);
        assert_eq!(account_status(Some("Enabled"), Some("UK.CASS.NotSwitched")), AccountStatus::Open);
    }
}
