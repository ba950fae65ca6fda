//! Servers that do not answer, and how long the program waits for them.

use super::{dial_with, timeout};
use crate::{
    exercise::{Mistake, Test},
    failure::Diagnosis,
};

pub(super) const GIVES_UP: Test = Test {
    name: "gives up a try when its time is over",
    points: 2,
    read: "A time limit for connect",
    mistakes: &[
        Mistake {
            program: "ignores_the_limit",
            because: Diagnosis::Stuck,
            hint: NO_LIMIT,
        },
        Mistake {
            program: "polls_for_ever",
            because: Diagnosis::Stuck,
            hint: NO_LIMIT,
        },
        Mistake {
            program: "time_is_over_is_connected",
            because: Diagnosis::WrongOutput,
            hint: "poll has returned 0: nothing has happened, and the time is over. SO_ERROR is 0, too, because the \
                   handshake still goes on: it says nothing before the socket is writable.",
        },
        Mistake {
            program: "one_limit_for_all",
            because: Diagnosis::Exited,
            hint: "The time of the first try is over, not that of the second: each try has its own. Begin to count \
                   anew with each address.",
        },
    ],
    run: |lab| {
        let (first, second) = (lab.listen_without_answer()?, lab.listen_without_answer()?);
        let limit = lab.random_number(30..=60).to_string();
        let addresses = [first.address(), second.address()];
        let program = dial_with(lab, &["-t", &limit], &addresses)?;
        program.expect_line(timeout(&first))?;
        program.expect_line(timeout(&second))?;
        program.expect_stdout_end()?;
        program.expect_exit(1)
    },
};

pub(super) const WAITS: Test = Test {
    name: "waits for the answer as long as it may",
    points: 1,
    read: "A time limit for connect",
    mistakes: &[
        Mistake {
            program: "asks_without_waiting",
            because: Diagnosis::ExtraOutput,
            hint: NOTHING_IS_DECIDED,
        },
        Mistake {
            program: "connects_again",
            because: Diagnosis::ExtraOutput,
            hint: NOTHING_IS_DECIDED,
        },
        Mistake {
            program: "spins",
            because: Diagnosis::Busy,
            hint: "Your program asks again and again, and needs a whole processor for it. poll sleeps until the \
                   socket is writable or the time is over.",
        },
    ],
    run: |lab| {
        for options in [&["-t", "600000"] as &[&str], &[]] {
            let listener = lab.listen_without_answer()?;
            let program = dial_with(lab, options, &[listener.address()])?;
            program.expect_quiet_stdout()?;
            program.expect_alive()?;
            program.kill()?;
        }
        Ok(())
    },
};

const NO_LIMIT: &str = "The server does not answer, and the program waits longer than it may. A blocking connect sleeps for \
                        minutes: make the socket non-blocking and give poll the time that -t allows; or limit the call \
                        with SO_SNDTIMEO.";

const NOTHING_IS_DECIDED: &str = "The server has not answered yet, and the program may still wait. After EINPROGRESS nothing \
                                  is known: SO_ERROR is 0, and a second connect says EALREADY. Sleep in poll, with all \
                                  the time that is left.";
