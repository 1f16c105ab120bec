//! Why a record got its category.

use std::{fmt, ops::Range, sync::Arc};

use crate::taxonomy::Leaf;

/// What a category rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A person's choice for this record.
    Override,
    /// A rule of the bank or the user.
    Rule,
    /// Merchant category code.
    Mcc,
    /// ISO 20022 or UK transaction code, or the account the money went to.
    Structure,
    /// What this user said about the like before.
    Memory,
    /// A brand of the tables.
    Brand,
    /// Words that name the thing.
    Lexicon,
    /// The linear model.
    Model,
    /// Nothing.
    None,
}

impl Source {
    /// The code on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Rule => "rule",
            Self::Mcc => "mcc",
            Self::Structure => "structure",
            Self::Memory => "memory",
            Self::Brand => "brand",
            Self::Lexicon => "lexicon",
            Self::Model => "model",
            Self::None => "none",
        }
    }
}

/// Identifies the row or rule behind a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// An entry of the compiled tables.
    Entry(&'static str),
    /// A rule loaded at run time.
    Rule(Arc<str>),
}

impl Id {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Entry(id) => id,
            Self::Rule(id) => id,
        }
    }
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The tier it comes from.
    pub source: Source,
    /// Which row or rule.
    pub id: Id,
    /// The leaf it speaks for.
    pub leaf: Leaf,
    /// Bytes of the raw description it matched; `None` where it rests on a code.
    pub span: Option<Range<usize>>,
    /// Weight in thousandths of a nat: what it adds to the logarithm of the odds.
    pub weight: i32,
}

/// The reasons of a category, the strongest first; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Why(pub Vec<Reason>);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.0.iter().enumerate() {
            let part = if i == 0 { "" } else { "; " };
            write!(f, "{part}{}:{}", reason.source.code(), reason.id.as_str())?;
            if let Some(span) = &reason.span {
                write!(f, " at {}-{}", span.start, span.end)?;
            }
            write!(f, " says {} (+{})", reason.leaf, reason.weight)?;
        }
        Ok(())
    }
}
