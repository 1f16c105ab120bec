//! PostgreSQL's binary COPY format (manual, "COPY", file formats; and the types' own receive functions).

use jiff::Timestamp;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::StoreError;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: [u8; 2] = (-1i16).to_be_bytes();
const NULL: [u8; 4] = (-1i32).to_be_bytes();

/// PostgreSQL counts from 1 January 2000.
const EPOCH: Date = date(2000, 1, 1);
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Rows in the making.
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    pub(super) fn for_copy(rows: usize, bytes_a_row: usize) -> Self {
        let mut buffer = Vec::with_capacity(SIGNATURE.len() + rows * bytes_a_row);
        buffer.extend_from_slice(SIGNATURE);
        Self(buffer)
    }

    /// Values without a table around them, to be hashed.
    pub(super) fn bare() -> Self {
        Self(Vec::with_capacity(256))
    }

    pub(super) fn begin_row(&mut self, columns: i16) {
        self.0.extend_from_slice(&columns.to_be_bytes());
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&END);
        self.0
    }

    fn value<const N: usize>(&mut self, bytes: [u8; N]) {
        self.0.extend_from_slice(&u32::try_from(N).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(&bytes);
    }

    fn null(&mut self) {
        self.0.extend_from_slice(&NULL);
    }

    pub(super) fn uuid(&mut self, value: Uuid) {
        self.value(value.into_bytes());
    }

    pub(super) fn small(&mut self, value: i16) {
        self.value(value.to_be_bytes());
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.value([u8::from(value)]);
    }

    pub(super) fn timestamp(&mut self, value: Timestamp) {
        self.value((value.as_microsecond() - EPOCH_MICROS).to_be_bytes());
    }

    pub(super) fn date(&mut self, value: Date) {
        let days = i32::try_from(value.duration_since(EPOCH).as_hours() / 24).unwrap_or(i32::MAX);
        self.value(days.to_be_bytes());
    }

    /// PostgreSQL's text holds no NUL; what a bank put there means nothing and is left out.
    pub(super) fn text(&mut self, value: &str) {
        if value.contains('\0') {
            return self.text(&value.replace('\0', ""));
        }
        self.0.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(value.as_bytes());
    }

    pub(super) fn maybe<T>(&mut self, value: Option<T>, write: fn(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    /// Groups of four decimal digits, the first of them with weight 10000^weight, and how many digits to show behind
    /// the point.
    pub(super) fn numeric(&mut self, value: Decimal) {
        let scale = value.scale();
        // Money has at most 20 digits, which nearly always fit the fast division.
        let padded = value.mantissa().unsigned_abs() * u128::from(10u32.pow((4 - scale % 4) % 4));
        let (groups, used) = match u64::try_from(padded) {
            Ok(padded) => groups(padded, |n| (n % 10_000, n / 10_000)),
            Err(_) => groups(padded, |n| (u64::try_from(n % 10_000).unwrap_or(0), n / 10_000)),
        };
        let digits = groups.get(..used).unwrap_or_default();
        let count = u16::try_from(used).unwrap_or(0);
        let fraction = u16::try_from(scale.div_ceil(4)).unwrap_or(0);
        let weight = count.cast_signed() - fraction.cast_signed() - 1;
        self.0.extend_from_slice(&(8 + 2 * u32::from(count)).to_be_bytes());
        self.0.extend_from_slice(&count.to_be_bytes());
        self.0.extend_from_slice(&weight.to_be_bytes());
        self.0.extend_from_slice(&(if value.is_sign_negative() { 0x4000u16 } else { 0 }).to_be_bytes());
        self.0.extend_from_slice(&u16::try_from(scale).unwrap_or(0).to_be_bytes());
        for group in digits.iter().rev() {
            self.0.extend_from_slice(&group.to_be_bytes());
        }
    }

    /// Begins a value that is a hash of everything written until [`Self::seal_hash`].
    pub(super) fn begin_hash(&mut self) -> usize {
        self.value([0; 8]);
        self.0.len()
    }

    /// Puts the hash of everything since `start` in its place.
    pub(super) fn seal_hash(&mut self, start: usize) -> Result<(), StoreError> {
        let hash = hash(self.0.get(start..).unwrap_or_default());
        let place = start.checked_sub(8).and_then(|place| self.0.get_mut(place..start));
        place.ok_or_else(|| StoreError::bug("row has no place for its hash"))?.copy_from_slice(&hash);
        Ok(())
    }

    /// The hash of everything written, as a number.
    pub(super) fn content_hash(&self) -> i64 {
        i64::from_be_bytes(hash(&self.0))
    }
}

/// The first 64 bits of SHA-256: the same in every version of the program, and not to be steered by a bank.
fn hash(bytes: &[u8]) -> [u8; 8] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

/// The digit groups of a number, the least significant first, and how many there are.
fn groups<N: Copy + PartialEq + Default>(mut rest: N, split: fn(N) -> (u64, N)) -> ([u16; 10], usize) {
    let mut found = ([0; 10], 0);
    for place in &mut found.0 {
        if rest == N::default() {
            break;
        }
        let (group, more) = split(rest);
        *place = u16::try_from(group).unwrap_or(0);
        rest = more;
        found.1 += 1;
    }
    found
}
