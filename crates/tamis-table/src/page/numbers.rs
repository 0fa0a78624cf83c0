//! The number chunk: a transform from values to integers, exceptions to it, and the difference to an
//! earlier sibling, on top of an integer chunk (docs/spec/page.md §3, docs/adr/0021).
//!
//! What goes in comes out bit for bit: a value that its transform does not give exactly is an
//! exception. Decimal recognition follows the idea of ALP (Afroozeh, Kuffó, Boncz, SIGMOD 2023), with
//! division by an exact power of ten, so that it inverts what decimal parsers do.

use super::bits::{Word, packed_len, width_of};
use super::corrupt;
use super::ints::{self, Ints, range_of};
use super::wire::load64;
use crate::error::TableError;

/// Powers of ten that a double holds exactly and that leave room for integers.
const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];
/// Adding and subtracting it rounds a double below 2^51 to an integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// 2^51.
const LIMIT: f64 = 2_251_799_813_685_248.0;
/// Bytes an exception costs.
const EXCEPTION: usize = 12;
const RELATIVE: u8 = 0x10;
const EXCEPTIONS: u8 = 0x20;
/// Values decoded at a time, on the stack.
const BATCH: usize = 256;

/// What kind of number a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Integer,
    F32,
    F64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transform {
    Integer,
    F32Bits,
    F64Bits,
    Decimal,
    DecimalF32,
}

impl Transform {
    fn from_code(code: u8) -> Option<Transform> {
        Some(match code {
            0 => Transform::Integer,
            1 => Transform::F32Bits,
            2 => Transform::F64Bits,
            3 => Transform::Decimal,
            4 => Transform::DecimalF32,
            _ => return None,
        })
    }

    fn has_siblings(self) -> bool {
        matches!(self, Transform::Integer | Transform::Decimal | Transform::DecimalF32)
    }
}

/// The integer of `v`, if the decimal transform gives `v` back exactly.
#[inline(always)]
fn to_decimal(v: f64, power: f64) -> Option<u64> {
    let scaled = v * power;
    // NaN is not in the range.
    if !(-LIMIT..LIMIT).contains(&scaled) {
        return None;
    }
    let i = (scaled + ROUND - ROUND) as i64;
    ((i as f64 / power).to_bits() == v.to_bits()).then_some(i as u64)
}

#[inline(always)]
fn to_decimal_f32(v: f32, power: f64) -> Option<u64> {
    let scaled = f64::from(v) * power;
    // NaN is not in the range.
    if !(-LIMIT..LIMIT).contains(&scaled) {
        return None;
    }
    let i = (scaled + ROUND - ROUND) as i64;
    (((i as f64 / power) as f32).to_bits() == v.to_bits()).then_some(i as u64)
}

/// The f32 that widens to exactly this double. NaNs are left to the exceptions, because widening
/// does not keep all of their bits everywhere.
#[inline(always)]
fn to_f32(bits: u64) -> Option<f32> {
    let v = f64::from_bits(bits);
    let single = v as f32;
    (f64::from(single).to_bits() == bits && !v.is_nan()).then_some(single)
}

fn forward(bits: u64, number: Number, transform: Transform, power: f64) -> Option<u64> {
    match (transform, number) {
        (Transform::Integer | Transform::F64Bits, _) | (Transform::F32Bits, Number::F32) => Some(bits),
        (Transform::F32Bits, _) => to_f32(bits).map(|v| u64::from(v.to_bits())),
        (Transform::Decimal, _) => to_decimal(f64::from_bits(bits), power),
        (Transform::DecimalF32, Number::F32) => to_decimal_f32(f32::from_bits(bits as u32), power),
        (Transform::DecimalF32, _) => to_f32(bits).and_then(|v| to_decimal_f32(v, power)),
    }
}

/// One block of one number stream on its way into a chunk.
pub(crate) struct Prepared {
    transform: Transform,
    exponent: u8,
    ints: Vec<u64>,
    exceptions: Vec<(u32, u64)>,
    relative: bool,
}

impl Prepared {
    fn new(bits: &[u64], number: Number, transform: Transform, exponent: u8) -> Prepared {
        let power = POWERS[usize::from(exponent).min(POWERS.len() - 1)];
        let mut exceptions = Vec::new();
        let mut last = None;
        let mut ints: Vec<u64> = Vec::with_capacity(bits.len());
        for (i, &b) in bits.iter().enumerate() {
            match forward(b, number, transform, power) {
                Some(x) => {
                    last = Some(x);
                    ints.push(x);
                }
                None => {
                    exceptions.push((i as u32, b));
                    ints.push(last.unwrap_or(0));
                }
            }
        }
        // Exceptions at the start take the first good value, so that they widen nothing.
        let lead = exceptions.iter().enumerate().take_while(|(k, e)| *k as u32 == e.0).count();
        if let Some(&first) = ints.get(lead) {
            ints[..lead].fill(first);
        }
        Prepared { transform, exponent, ints, exceptions, relative: false }
    }

    fn cost(&self) -> usize {
        let (_, spread) = range_of(self.ints.iter().copied());
        packed_len(self.ints.len(), width_of(spread)) + EXCEPTION * self.exceptions.len()
    }

    /// Chooses the transform of a block; `bits` are integers, f32 bits or f64 bits by `number`.
    pub(crate) fn choose(bits: &[u64], number: Number) -> Prepared {
        if number == Number::Integer {
            return Prepared {
                transform: Transform::Integer,
                exponent: 0,
                ints: bits.to_vec(),
                exceptions: Vec::new(),
                relative: false,
            };
        }
        let mut best = match number {
            Number::F64 => Prepared::new(bits, number, Transform::F64Bits, 0),
            _ => Prepared::new(bits, number, Transform::F32Bits, 0),
        };
        let mut cost = best.cost();
        let candidates = [
            sample(bits, number, Transform::Decimal),
            sample(bits, number, Transform::DecimalF32),
            sample(bits, number, Transform::F32Bits),
        ];
        for (transform, exponent) in candidates.into_iter().flatten() {
            let other = Prepared::new(bits, number, transform, exponent);
            let other_cost = other.cost();
            if other_cost < cost {
                (best, cost) = (other, other_cost);
            }
        }
        best
    }

    /// Appends the chunk; `siblings` are the earlier streams that it may be relative to.
    pub(crate) fn encode(&mut self, siblings: &[(u16, &Prepared)], out: &mut Vec<u8>) {
        if self.ints.is_empty() {
            return;
        }
        let reference = if self.transform.has_siblings() { self.nearest(siblings) } else { None };
        let mut flags = self.transform as u8;
        flags |= if reference.is_some() { RELATIVE } else { 0 };
        flags |= if self.exceptions.is_empty() { 0 } else { EXCEPTIONS };
        out.extend_from_slice(&[flags, self.exponent]);
        if let Some((slot, _)) = &reference {
            out.extend_from_slice(&slot.to_le_bytes());
        }
        if !self.exceptions.is_empty() {
            out.extend_from_slice(&(self.exceptions.len() as u32).to_le_bytes());
            self.exceptions.iter().for_each(|(at, _)| out.extend_from_slice(&at.to_le_bytes()));
            self.exceptions.iter().for_each(|(_, bits)| out.extend_from_slice(&bits.to_le_bytes()));
        }
        match reference {
            Some((_, differences)) => {
                self.relative = true;
                ints::encode(&differences, false, out);
            }
            None => ints::encode(&self.ints, true, out),
        }
    }

    /// The sibling from which the differences are narrowest, if narrower than the values.
    fn nearest(&self, siblings: &[(u16, &Prepared)]) -> Option<(u16, Vec<u64>)> {
        let (_, spread) = range_of(self.ints.iter().copied());
        let mut best = (width_of(spread), None);
        for (slot, other) in siblings {
            let fits = other.transform == self.transform
                && other.exponent == self.exponent
                && !other.relative
                && other.ints.len() == self.ints.len();
            if !fits || best.0 < 2 {
                continue;
            }
            let differences = || self.ints.iter().zip(&other.ints).map(|(a, b)| a.wrapping_sub(*b));
            let (_, spread) = range_of(differences());
            if width_of(spread) < best.0 {
                best = (width_of(spread), Some((*slot, other)));
            }
        }
        // A delta chunk may still beat it; that is rare enough where siblings are close.
        let (slot, other) = best.1?;
        Some((slot, self.ints.iter().zip(&other.ints).map(|(a, b)| a.wrapping_sub(*b)).collect()))
    }
}

/// The smallest exponent at which at least 15/16 of a sample of the block pass the transform.
fn sample(bits: &[u64], number: Number, transform: Transform) -> Option<(Transform, u8)> {
    if number == Number::F32 && matches!(transform, Transform::Decimal | Transform::F32Bits) {
        return None;
    }
    let step = bits.len().div_ceil(64).max(1);
    let picked = || bits.iter().step_by(step);
    let allowed = picked().count() / 16;
    let exponents = if transform == Transform::F32Bits { 1 } else { POWERS.len() };
    (0..exponents).find_map(|e| {
        let mut failed = 0;
        let fits = picked().all(|&b| {
            failed += usize::from(forward(b, number, transform, POWERS[e]).is_none());
            failed <= allowed
        });
        fits.then_some((transform, e as u8))
    })
}

/// A number chunk opened for reading.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    transform: Transform,
    power: f64,
    ints: Ints<'a>,
    reference: Option<Ints<'a>>,
    positions: &'a [u8],
    exceptions: &'a [u8],
}

/// What the head of a chunk says before its reference is resolved.
struct Head {
    transform: Transform,
    exponent: u8,
    reference: Option<u16>,
    exceptions: usize,
    at: usize,
}

fn head(bytes: &[u8]) -> Result<Head, TableError> {
    let (Some(&flags), Some(&exponent)) = (bytes.first(), bytes.get(1)) else {
        return Err(corrupt("chunk ends too early"));
    };
    let transform = Transform::from_code(flags & 15).ok_or_else(|| corrupt("unknown transform"))?;
    if flags & 0xc0 != 0 || usize::from(exponent) >= POWERS.len() {
        return Err(corrupt("unknown transform"));
    }
    let mut at = 2;
    let mut reference = None;
    if flags & RELATIVE != 0 {
        reference = Some(load64(bytes, at) as u16);
        at += 2;
    }
    let mut exceptions = 0;
    if flags & EXCEPTIONS != 0 {
        exceptions = load64(bytes, at) as u32 as usize;
        at += 4;
    }
    Ok(Head { transform, exponent, reference, exceptions, at })
}

impl<'a> Numbers<'a> {
    /// A stream that is one value everywhere, given by its bits.
    pub(crate) fn constant(bits: u64, number: Number) -> Numbers<'a> {
        let transform = match number {
            Number::Integer => Transform::Integer,
            Number::F32 => Transform::F32Bits,
            Number::F64 => Transform::F64Bits,
        };
        Numbers { transform, power: 1.0, ints: Ints::constant(bits), reference: None, positions: &[], exceptions: &[] }
    }

    /// Opens stream `slot` of a block; `chunk(i)` gives the bytes from chunk `i` to the end of the
    /// block, and the chunk's own length.
    pub(crate) fn open(
        slot: u16,
        chunk: impl Fn(u16) -> Result<(&'a [u8], usize), TableError>,
    ) -> Result<Numbers<'a>, TableError> {
        let (bytes, len) = chunk(slot)?;
        let h = head(bytes)?;
        let mut reference = None;
        if let Some(other) = h.reference {
            if other >= slot {
                return Err(corrupt("reference to a later stream"));
            }
            let (bytes, len) = chunk(other)?;
            let o = head(bytes)?;
            if o.reference.is_some() || o.transform != h.transform || o.exponent != h.exponent {
                return Err(corrupt("reference to an unlike stream"));
            }
            let at = o.at + o.exceptions.saturating_mul(EXCEPTION);
            let (rest, left) =
                bytes.get(at..).zip(len.checked_sub(at)).ok_or_else(|| corrupt("chunk ends too early"))?;
            reference = Some(Ints::open(rest, left)?);
        }
        let values_at = h.at.saturating_add(h.exceptions.saturating_mul(4));
        let at = values_at.saturating_add(h.exceptions.saturating_mul(8));
        let parts = (bytes.get(h.at..values_at), bytes.get(values_at..at), bytes.get(at..), len.checked_sub(at));
        let (Some(positions), Some(exceptions), Some(rest), Some(left)) = parts else {
            return Err(corrupt("chunk ends too early"));
        };
        let power = POWERS[usize::from(h.exponent)];
        let ints = Ints::open(rest, left)?;
        Ok(Numbers { transform: h.transform, power, ints, reference, positions, exceptions })
    }

    /// The exceptions in `start .. start + len`, as (index from `start`, bits).
    fn exceptions_in(&self, start: usize, len: usize) -> impl Iterator<Item = (usize, u64)> {
        let (positions, _) = self.positions.as_chunks::<4>();
        let (values, _) = self.exceptions.as_chunks::<8>();
        let from = positions.partition_point(|p| (u32::from_le_bytes(*p) as usize) < start);
        positions[from..]
            .iter()
            .zip(values.get(from..).unwrap_or_default())
            .map(move |(p, v)| (u32::from_le_bytes(*p) as usize, u64::from_le_bytes(*v)))
            .take_while(move |(p, _)| (start..start + len).contains(p))
            .map(move |(p, v)| (p - start, v))
    }

    /// Reads integers into `out`.
    pub(crate) fn read_ints<T: Word>(&self, start: usize, out: &mut [T]) -> Result<(), TableError> {
        if self.transform != Transform::Integer {
            return Err(corrupt("integers expected"));
        }
        match self.reference {
            None => self.ints.read(start, out),
            Some(reference) => {
                let mut buffer = [0u64; BATCH];
                self.batches(reference, start, out.len(), &mut buffer, |at, x| {
                    if let Some(o) = out.get_mut(at..at + x.len()) {
                        o.iter_mut().zip(x).for_each(|(o, x)| *o = T::cut(*x));
                    }
                })
            }
        }
    }

    /// Calls `each` with the integers of `start .. start + len`, a batch at a time.
    #[inline(always)]
    fn batches(
        &self,
        reference: Ints<'_>,
        start: usize,
        len: usize,
        buffer: &mut [u64; BATCH],
        mut each: impl FnMut(usize, &[u64]),
    ) -> Result<(), TableError> {
        let mut other = [0u64; BATCH];
        for at in (0..len).step_by(BATCH) {
            let n = BATCH.min(len - at);
            self.ints.read(start + at, &mut buffer[..n])?;
            reference.read(start + at, &mut other[..n])?;
            buffer[..n].iter_mut().zip(&other[..n]).for_each(|(a, b)| *a = a.wrapping_add(*b));
            each(at, &buffer[..n]);
        }
        Ok(())
    }

    /// Calls `each` with batches of the chunk's integers, references added.
    #[inline(always)]
    fn integers(&self, start: usize, len: usize, mut each: impl FnMut(usize, &[u64])) -> Result<(), TableError> {
        let mut buffer = [0u64; BATCH];
        if let Some(reference) = self.reference {
            return self.batches(reference, start, len, &mut buffer, each);
        }
        for at in (0..len).step_by(BATCH) {
            let part = &mut buffer[..BATCH.min(len - at)];
            self.ints.read(start + at, part)?;
            each(at, part);
        }
        Ok(())
    }

    /// Reads doubles into `out`.
    pub(crate) fn read_f64(&self, start: usize, out: &mut [f64]) -> Result<(), TableError> {
        let power = self.power;
        let mut fill = |f: &dyn Fn(&mut [f64], &[u64])| {
            let out = &mut *out;
            self.integers(start, out.len(), |at, x| f(&mut out[at..at + x.len()], x))
        };
        match self.transform {
            Transform::F64Bits => fill(&|out, x| out.iter_mut().zip(x).for_each(|(o, x)| *o = f64::from_bits(*x)))?,
            Transform::F32Bits => {
                fill(&|out, x| out.iter_mut().zip(x).for_each(|(o, x)| *o = f64::from(f32::from_bits(*x as u32))))?
            }
            Transform::Decimal => {
                fill(&|out, x| out.iter_mut().zip(x).for_each(|(o, x)| *o = *x as i64 as f64 / power))?
            }
            Transform::DecimalF32 => fill(&|out, x| {
                out.iter_mut().zip(x).for_each(|(o, x)| *o = f64::from((*x as i64 as f64 / power) as f32))
            })?,
            Transform::Integer => return Err(corrupt("floats expected")),
        }
        for (at, bits) in self.exceptions_in(start, out.len()) {
            out[at] = f64::from_bits(bits);
        }
        Ok(())
    }

    /// Reads floats into `out`.
    pub(crate) fn read_f32(&self, start: usize, out: &mut [f32]) -> Result<(), TableError> {
        let power = self.power;
        match self.transform {
            Transform::F32Bits => self.integers(start, out.len(), |at, x| {
                out[at..at + x.len()].iter_mut().zip(x).for_each(|(o, x)| *o = f32::from_bits(*x as u32))
            })?,
            Transform::DecimalF32 => self.integers(start, out.len(), |at, x| {
                out[at..at + x.len()].iter_mut().zip(x).for_each(|(o, x)| *o = (*x as i64 as f64 / power) as f32)
            })?,
            _ => return Err(corrupt("floats expected")),
        }
        for (at, bits) in self.exceptions_in(start, out.len()) {
            out[at] = f32::from_bits(bits as u32);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn chunk(bits: &[u64], number: Number) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        Prepared::choose(bits, number).encode(&[], &mut out);
        let len = out.len();
        out.extend_from_slice(&[0; 8]);
        (out, len)
    }

    fn round_trip_f64(values: &[f64]) -> usize {
        let bits: Vec<u64> = values.iter().map(|v| v.to_bits()).collect();
        let (bytes, len) = chunk(&bits, Number::F64);
        let numbers = Numbers::open(0, |_| Ok((&bytes[..], len))).unwrap();
        for start in [0, values.len() / 2] {
            let mut out = vec![0.0; values.len() - start];
            numbers.read_f64(start, &mut out).unwrap();
            let out: Vec<u64> = out.iter().map(|v| v.to_bits()).collect();
            assert_eq!(out, &bits[start..]);
        }
        len
    }

    #[test]
    fn one_odd_value_does_not_spoil_decimals() {
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from(i * 7 % 5000) / 10.0).collect();
        let plain = round_trip_f64(&values);
        assert!(plain < 1000 * 13 / 8 + 16, "{plain}");
        values[0] = f64::NAN;
        values[17] = -0.0;
        values[500] = f64::INFINITY;
        values[999] = std::f64::consts::PI;
        assert!(round_trip_f64(&values) <= plain + 6 + 4 * EXCEPTION);
    }

    #[test]
    fn doubles_that_are_singles_take_four_bytes_at_most() {
        let values: Vec<f64> = (1..1000u32).map(|i| f64::from((i as f32).sqrt().fract())).collect();
        assert!(round_trip_f64(&values) <= 4 * 999 + 40);
        let tenths: Vec<f64> = (1..1000u32).map(|i| f64::from(i as f32 / 10.0)).collect();
        assert!(round_trip_f64(&tenths) <= 999 * 10 / 8 + 20);
    }

    #[test]
    fn a_stream_near_an_earlier_one_is_stored_as_difference() {
        let a: Vec<u64> = (0..500u64).map(|i| i * 7919 % 20_000).collect();
        let b: Vec<u64> = a.iter().enumerate().map(|(i, v)| v + i as u64 % 30).collect();
        let mut first = Prepared::choose(&a, Number::Integer);
        let mut bytes = [Vec::new(), Vec::new()];
        first.encode(&[], &mut bytes[0]);
        Prepared::choose(&b, Number::Integer).encode(&[(0, &first)], &mut bytes[1]);
        assert!(bytes[1].len() < bytes[0].len() / 2);
        let lens: Vec<usize> = bytes.iter().map(Vec::len).collect();
        bytes.iter_mut().for_each(|b| b.extend_from_slice(&[0; 8]));
        let numbers = Numbers::open(1, |i| Ok((&bytes[i as usize][..], lens[i as usize]))).unwrap();
        let mut out = vec![0u64; 400];
        numbers.read_ints(100, &mut out).unwrap();
        assert_eq!(out, &b[100..]);
    }

    proptest! {
        #[test]
        fn any_doubles_read_back(v in proptest::collection::vec(prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (-100_000i32..100_000, 0i32..6).prop_map(|(i, e)| f64::from(i) / 10f64.powi(e)),
            any::<f32>().prop_map(f64::from),
        ], 1..200)) {
            round_trip_f64(&v);
        }

        #[test]
        fn any_floats_read_back(v in proptest::collection::vec(prop_oneof![
            any::<u32>().prop_map(f32::from_bits),
            (-1000i16..1000).prop_map(|i| f32::from(i) / 10.0)], 1..200)) {
            let bits: Vec<u64> = v.iter().map(|v| u64::from(v.to_bits())).collect();
            let (bytes, len) = chunk(&bits, Number::F32);
            let numbers = Numbers::open(0, |_| Ok((&bytes[..], len))).unwrap();
            let mut out = vec![0.0f32; v.len()];
            numbers.read_f32(0, &mut out).unwrap();
            prop_assert_eq!(out.iter().map(|v| u64::from(v.to_bits())).collect::<Vec<_>>(), bits);
        }
    }
}
