//! Which partition a key belongs to: Kafka's own rule, so that other clients' producers agree with ours.

use uuid::Uuid;

/// The partition of `key` among `count`: murmur2 over the hyphenated text, as Kafka's default partitioner does.
///
/// Returns 0 when `count` is not positive.
#[must_use]
pub fn partition_of(key: Uuid, count: i32) -> i32 {
    let mut buffer = Uuid::encode_buffer();
    let hash = murmur2(key.as_hyphenated().encode_lower(&mut buffer).as_bytes()) & 0x7fff_ffff;
    u32::try_from(count).ok().and_then(|count| hash.checked_rem(count)).map_or(0, u32::cast_signed)
}

/// `MurmurHash2` with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2).
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, tail) = data.as_chunks::<4>();
    let mut hash = words.iter().fold(0x9747_b28c ^ length, |hash, word| {
        let k = u32::from_le_bytes(*word).wrapping_mul(M);
        hash.wrapping_mul(M) ^ (k ^ (k >> 24)).wrapping_mul(M)
    });
    if !tail.is_empty() {
        let rest = tail.iter().rev().fold(0, |rest, byte| (rest << 8) | u32::from(*byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_kafkas() {
        // Values of Kafka's own UtilsTest.
        assert_eq!(murmur2(b"21").cast_signed(), -973_932_308);
        assert_eq!(murmur2(b"foobar").cast_signed(), -790_332_482);
        assert_eq!(murmur2(b"a-little-bit-long-string").cast_signed(), -985_981_536);
        assert_eq!(murmur2(b"abc").cast_signed(), 479_470_107);
    }

    #[test]
    fn a_partition_is_within_the_count() {
        for n in 1i32..20 {
            assert!((0..n).contains(&partition_of(Uuid::from_u128(n.unsigned_abs().into()), n)));
        }
        assert_eq!(partition_of(Uuid::nil(), 0), 0);
    }
}
