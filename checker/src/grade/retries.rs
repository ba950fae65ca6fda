//! How often a submission is graded again on which the lab itself has failed. What fails again and again is left to the
//! instructor, so that one submission cannot keep a class from being finished.

use serde::{Deserialize, Serialize};

/// So many times in a row, and the submission is not tried again by itself.
pub const MOST: u32 = 3;

/// Stands for all sources of the checker. Another one may not fail.
const CHECKER: &str = env!("DIGEST_OF_CHECKER");

/// How many times in a row the lab has failed on one submission, which has not changed meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// How many times; 0 if the lab has not failed.
    pub failures: u32,
    /// Stands for the checker that has failed.
    pub checker: String,
}

impl Retries {
    /// The lab has failed once more: after these failures on the same submission, if there were any.
    #[must_use]
    pub fn one_more(earlier: Option<&Retries>) -> Retries {
        let failures = earlier.map_or(0, Retries::of_this_checker);
        Retries {
            failures: failures + 1,
            checker: CHECKER.to_owned(),
        }
    }

    /// Whether the submission is not tried again by itself.
    pub fn are_used_up(&self) -> bool {
        self.of_this_checker() >= MOST
    }

    fn of_this_checker(&self) -> u32 {
        match self.checker == CHECKER {
            true => self.failures,
            false => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_failure_in_a_row_is_the_last() {
        let mut retries = Retries::default();
        for failures in 1..=MOST {
            assert!(!retries.are_used_up(), "{retries:?}");
            retries = Retries::one_more(Some(&retries));
            assert_eq!(retries.failures, failures);
        }
        assert!(retries.are_used_up());
    }

    #[test]
    fn failures_of_another_checker_do_not_count() {
        let earlier = Retries {
            failures: MOST,
            checker: "that of last week".to_owned(),
        };
        assert!(!earlier.are_used_up());
        assert_eq!(Retries::one_more(Some(&earlier)).failures, 1);
    }
}
