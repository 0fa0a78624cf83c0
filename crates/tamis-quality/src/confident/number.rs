//! Single and double precision, with NumPy's order of summation.

/// A number that a probability may be given as: `f32` or `f64`.
pub trait Probability: sealed::Sealed + Copy + PartialOrd + Send + Sync + 'static {
    /// The distance from 1 to the next number above.
    const STEP: f64;
    /// A whole number of as many bits.
    #[doc(hidden)]
    type Key: Ord + Copy + Default + Send + Sync + std::ops::AddAssign + From<bool> + Into<u64>;
    /// The key of 1.
    #[doc(hidden)]
    const ONE: Self::Key;
    /// The bits: in the order of the numbers from 0 on, and above [`Probability::ONE`] for all that are not 0 to 1.
    #[doc(hidden)]
    fn key(self) -> Self::Key;
    /// The number of a key.
    #[doc(hidden)]
    fn of_key(key: Self::Key) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    #[doc(hidden)]
    fn zero() -> Self;
    #[doc(hidden)]
    fn plus(self, other: Self) -> Self;
    #[doc(hidden)]
    fn minus(self, other: Self) -> Self;
    /// Divided by a count.
    #[doc(hidden)]
    fn over(self, count: usize) -> Self;
    /// Half of one more: the scale of margins.
    #[doc(hidden)]
    fn margin(self) -> Self;
    /// A trifle more, as `cleanlab` allows for rounding.
    #[doc(hidden)]
    fn bit_more(self) -> Self;
    /// The smallest number of this precision that is not below a double.
    #[doc(hidden)]
    fn ceil_of(number: f64) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

macro_rules! probability {
    ($number:ty, $key:ty, $to:expr, $ceil:expr) => {
        impl Probability for $number {
            const STEP: f64 = <$number>::EPSILON as f64;
            type Key = $key;
            const ONE: $key = (1.0 as $number).to_bits();
            #[inline(always)]
            fn key(self) -> $key {
                self.to_bits()
            }
            #[inline(always)]
            fn of_key(key: $key) -> Self {
                <$number>::from_bits(key)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                $to(self)
            }
            #[inline(always)]
            fn zero() -> Self {
                0.0
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn over(self, count: usize) -> Self {
                self / count as $number
            }
            #[inline(always)]
            fn margin(self) -> Self {
                (self + 1.0) / 2.0
            }
            #[inline(always)]
            fn bit_more(self) -> Self {
                self + 1e-6
            }
            #[inline(always)]
            fn ceil_of(number: f64) -> Self {
                $ceil(number)
            }
        }
    };
}

probability!(f64, u64, |number| number, |number| number);
probability!(f32, u32, f64::from, |number: f64| {
    let near = number as f32;
    if f64::from(near) < number { near.next_up() } else { near }
});

/// The sum as NumPy rounds it: halves apart, eight sums side by side in stretches of at most 128.
pub(super) fn pairwise_sum<P: Probability>(numbers: &[P]) -> P {
    let n = numbers.len();
    if n < 8 {
        return numbers.iter().fold(P::zero(), |sum, &number| sum.plus(number));
    }
    if n > 128 {
        let half = n / 2;
        let (left, right) = numbers.split_at(half - half % 8);
        return pairwise_sum(left).plus(pairwise_sum(right));
    }
    let mut sums = [P::zero(); 8];
    let chunks = numbers.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &number) in sums.iter_mut().zip(chunk) {
            *sum = sum.plus(number);
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let sum = a.plus(b).plus(c.plus(d)).plus(e.plus(f).plus(g.plus(h)));
    rest.iter().fold(sum, |sum, &number| sum.plus(number))
}
