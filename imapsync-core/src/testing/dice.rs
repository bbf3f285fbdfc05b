//! Numbers that look random and are the same ones each time: what a seed stands for.

/// A generator of pseudo-random numbers (SplitMix64). The same seed gives the same numbers on every machine.
///
/// ```
/// use imapsync_core::testing::Dice;
/// let (mut one, mut other) = (Dice::new(7), Dice::new(7));
/// assert_eq!(one.roll(1000), other.roll(1000));
/// assert!(one.roll(6) < 6);
/// ```
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that give the numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `sides`; 0 where that is 0.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.number() % sides.max(1)
    }

    /// A number from 1 to `most`, small ones as often as large ones: each power of two has the same chance.
    pub fn about(&mut self, most: u64) -> u64 {
        let bits = u64::BITS - most.max(1).leading_zeros();
        let scale = 1 << self.roll(u64::from(bits));
        (scale + self.roll(scale)).min(most.max(1))
    }

    /// Whether it is one of so many cases.
    pub fn one_in(&mut self, cases: u64) -> bool {
        self.roll(cases) == 0
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len() as u64) as usize]
    }
}
