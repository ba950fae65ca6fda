//! Random bytes, words and numbers of a test: the same for the same seed, which the report prints.

use std::{cell::RefCell, ops::RangeInclusive};

/// The random numbers of one test.
#[derive(Debug)]
pub(super) struct Chance(RefCell<fastrand::Rng>);

impl Chance {
    pub(super) fn with_seed(seed: u64) -> Chance {
        Chance(RefCell::new(fastrand::Rng::with_seed(seed)))
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.borrow_mut().fill(&mut bytes);
        bytes
    }

    /// These bytes in random order.
    pub(super) fn shuffled(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        self.0.borrow_mut().shuffle(&mut bytes);
        bytes
    }

    /// Letters and digits.
    pub(super) fn word(&self, length: usize) -> String {
        let mut random = self.0.borrow_mut();
        (0..length).map(|_| random.alphanumeric()).collect()
    }

    /// A number from a range, both ends included.
    pub(super) fn number(&self, range: RangeInclusive<u64>) -> u64 {
        self.0.borrow_mut().u64(range)
    }
}
