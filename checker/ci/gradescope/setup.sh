#!/usr/bin/env bash
# Gradescope runs this once, as root, for the image in which submissions are graded: a C compiler as linker, Rust, and
# the checker, built from the course that came in the same archive.
set -euo pipefail

apt-get update
apt-get install -y --no-install-recommends ca-certificates curl gcc libc6-dev

export CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup
curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --no-modify-path
PATH=$CARGO_HOME/bin:$PATH

course=$(cd "$(dirname "$0")" && pwd)/course
cargo install --locked --path "$course/checker" --features instructor --root /usr/local

# No solution and no hidden test stays where submissions run.
rm -rf "$course"
