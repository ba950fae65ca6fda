//! What lasts as long as a time limit says.

use std::time::Duration;

/// Whether what took so long has not ended before its time limit was over. Some clocks of the kernel count in steps of
/// 10 ms, so that a tenth may be missing: no test gives a limit of less than 100 ms.
pub(crate) fn has_lasted(took: Duration, limit: Duration) -> bool {
    took >= limit * 9 / 10
}
