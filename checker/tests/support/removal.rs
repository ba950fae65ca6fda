//! The end of folders that statics hold: nothing drops these.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex},
};

/// Reads the names of folders until this process has ended, and then removes them. It is no child of this process, whose
/// children tests count, and it is what this process was when it began: a sandbox gives up root later.
const REMOVER: &str = "exec 3<&0
(while read -r folder; do set -- \"$@\" \"$folder\"; done; exec rm -rf -- \"$@\") <&3 >/dev/null 2>&1 &";

static REMOVER_INPUT: LazyLock<Mutex<Child>> = LazyLock::new(|| {
    let mut shell = Command::new("sh")
        .args(["-c", REMOVER])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let input = shell.stdin.take();
    shell.wait().unwrap();
    shell.stdin = input;
    Mutex::new(shell)
});

/// Starts what removes the folders; to be called before this process gives up root.
pub fn begin() {
    LazyLock::force(&REMOVER_INPUT);
}

/// A new folder that all users can read, until this process has ended.
pub fn folder_until_exit() -> PathBuf {
    let folder = tempfile::tempdir().unwrap().keep();
    super::open_to_all(&folder);
    remove_at_exit(&folder);
    folder
}

/// Removes a folder when this process has ended, however it ends.
pub fn remove_at_exit(folder: &Path) {
    let mut shell = REMOVER_INPUT.lock().unwrap();
    let input = shell.stdin.as_mut().unwrap();
    writeln!(input, "{}", folder.display()).unwrap();
}
