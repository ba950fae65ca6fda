//! A process that ends its descendants. There is one test only in this file, because it ends all children of its process.

use std::process::Command;

use harness::sandbox::end_descendants;
use nix::sys::signal::{SigSet, Signal};

#[test]
fn a_process_that_ends_its_descendants_keeps_its_signal_mask() {
    let before = SigSet::thread_get_mask().unwrap();
    assert!(!before.contains(Signal::SIGCHLD));
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    end_descendants().unwrap();
    assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    // It was reaped, so that this process has no such child any more.
    assert!(child.try_wait().is_err());
}
