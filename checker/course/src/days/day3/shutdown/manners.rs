//! What the program says to the one who has started it.

use super::{END_IS_A_MESSAGE, TWO_STREAMS, bytes, connected, send_whole_input, text};
use harness::{
    exercise::{Mistake, Test},
    failure::Diagnosis,
};

pub(super) const TELLS_ITS_COUNTS: Test = Test {
    name: "tells how many bytes went each way",
    points: 1,
    read: END_IS_A_MESSAGE,
    mistakes: &[Mistake {
        program: "keeps_its_counts_to_itself",
        because: Diagnosis::WrongOutput,
        hint: "Count the bytes that each direction has carried, and print both numbers on standard error at the end, in \
               decimal digits.",
    }],
    run: |lab| {
        let (upload, server) = connected(lab)?;
        // Short numbers, which nobody rounds or divides into groups.
        let (input, answer) = (bytes(lab, 100, 499), text(lab, 500, 999));
        let counts = [input.len(), answer.len()];
        send_whole_input(&upload, &server, input)?;
        server.send(&answer)?;
        server.close();
        upload.expect_stdout(&answer)?;
        upload.expect_exit(0)?;
        upload.expect_stdout_end()?;
        upload.expect_numbers_on_stderr(&counts)
    },
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: TWO_STREAMS,
    mistakes: &[
        Mistake {
            program: "mixes_up_its_statuses",
            because: Diagnosis::WrongStatus,
            hint: "Wrong arguments end with status 2, a failure at run time with status 1.",
        },
        Mistake {
            program: "panics_without_an_argument",
            because: Diagnosis::Panicked,
            hint: "Any argument can be missing or be nonsense. Look at what is there before you use it, print a usage \
                   line on standard error and exit with status 2.",
        },
    ],
    run: |lab| {
        lab.expect_refusal(&[], 2)?;
        lab.expect_refusal(&["127.0.0.1"], 2)?;
        lab.expect_refusal(&["127.0.0.1:65536"], 2)?;
        lab.expect_refusal(&[&lab.refusing_address()?.to_string(), "x"], 2)
    },
};
