//! The taxonomy `tax-1`: 16 groups and 122 leaves with stable ASCII codes.
//!
//! The table is `knowledge/taxonomy.csv`; the build step turns every row into a constant of
//! [`leaf`], so that a rule in the code that names a leaf the table lacks does not compile.

use std::fmt;

/// Version written on every record.
pub const VERSION: &str = "tax-1";

/// A leaf of the taxonomy: a detailed category with the group it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leaf(u8);

include!(concat!(env!("OUT_DIR"), "/taxonomy.rs"));

impl Leaf {
    /// Number of leaves, `UNKNOWN.uncategorised` included.
    pub const COUNT: usize = TABLE.len();

    /// Every leaf, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self).take(Self::COUNT)
    }

    /// The leaf with this position in the table.
    pub fn from_index(index: u8) -> Option<Self> {
        (usize::from(index) < Self::COUNT).then_some(Self(index))
    }

    /// The leaf called `PRIMARY.detailed` or, as the detailed codes are unique, `detailed` alone.
    pub fn parse(code: &str) -> Option<Self> {
        let (group, detailed) = code.split_once('.').map_or((None, code), |(g, d)| (Some(g), d));
        Self::all().find(|l| l.detailed() == detailed && group.is_none_or(|g| l.primary() == g))
    }

    /// Position in the table.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The group, `FOOD`.
    pub fn primary(self) -> &'static str {
        self.row().0
    }

    /// The leaf within the group, `groceries`.
    pub fn detailed(self) -> &'static str {
        self.row().1
    }

    /// What belongs here, in a few words.
    pub fn definition(self) -> &'static str {
        self.row().2
    }

    /// Position of the group in the order of the table.
    pub fn group(self) -> usize {
        GROUP.get(self.index()).copied().map_or(0, usize::from)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        TABLE.get(self.index()).copied().unwrap_or(("UNKNOWN", "uncategorised", ""))
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.primary(), self.detailed())
    }
}

/// Every group's code, in the order of the table.
pub fn groups() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    Leaf::all().map(Leaf::primary).filter(move |g| std::mem::replace(&mut last, g) != *g)
}

/// Whether `code` is a group of the taxonomy.
pub fn is_group(code: &str) -> bool {
    groups().any(|g| g == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taxonomy_has_sixteen_groups_and_122_leaves_beside_unknown() {
        assert_eq!(groups().count(), 17);
        assert_eq!(Leaf::COUNT, 123);
        assert_eq!(leaf::GROCERIES.to_string(), "FOOD.groceries");
    }

    #[test]
    fn a_code_is_read_back_and_a_wrong_group_is_refused() {
        assert!(Leaf::all().all(|l| Leaf::parse(&l.to_string()) == Some(l)));
        assert_eq!(Leaf::parse("SHOPPING.groceries"), None);
    }
}
