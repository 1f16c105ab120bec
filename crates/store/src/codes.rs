//! Small numbers that stand for enum values in the tables. A number, once given, keeps its meaning for ever.

use events::{AccountStatus, AccountType, BalanceKind, FetchReason, HolderKind, RawKind, TransactionStatus};

use crate::StoreError;

/// A value that is kept as a small number.
pub(crate) trait Coded: Sized + Copy {
    fn code(self) -> i16;

    fn from_code(code: i16) -> Result<Self, StoreError>;
}

macro_rules! codes {
    ($($name:ident { $($variant:ident = $code:literal),+ $(,)? })+) => {$(
        impl Coded for $name {
            fn code(self) -> i16 {
                match self { $(Self::$variant => $code),+ }
            }

            fn from_code(code: i16) -> Result<Self, StoreError> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    other => Err(StoreError::Bug(format!(concat!("{} is no ", stringify!($name)), other))),
                }
            }
        }
    )+};
}

codes! {
    TransactionStatus { Pending = 0, Booked = 1, Informational = 2, Rejected = 3, Retracted = 4 }
    AccountType { Current = 0, Savings = 1, Card = 2, Loan = 3, Mortgage = 4, Wallet = 5, Investment = 6, Other = 7 }
    HolderKind { Personal = 0, Business = 1, Unknown = 2 }
    AccountStatus { Open = 0, Closed = 1, Blocked = 2, Switched = 3, Unknown = 4 }
    BalanceKind { Booked = 0, Available = 1, Expected = 2, Opening = 3, PreviousClose = 4, Other = 5 }
    // The order is the order of issue: the perishable first, then whoever is waiting.
    FetchReason { First = 0, Attended = 1, Batch = 2 }
    RawKind { Account = 0, Balances = 1, Transactions = 2 }
}
