//! What a program has put in the place of a file, and what that is called.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use super::context::TestContext;
use crate::{
    beneath::{AccessError, FileKind},
    failure::{Diagnosis, Stop},
};

/// Why a test stops that wants to do this with a file of its folder.
pub(super) fn refused(context: &TestContext, name: &OsStr, what: &str, error: AccessError) -> Stop {
    let shown = shown(name);
    let in_its_place = |kind: FileKind| {
        let symptom = format!("your program has put {kind} in the place of the file {shown}");
        (Diagnosis::NotAFile, symptom)
    };
    let (diagnosis, symptom) = match error {
        AccessError::Missing => (Diagnosis::MissingBytes, format!("there is no file {shown}")),
        // The test could not make its file, because something that is not a regular file has its name.
        AccessError::Exists => match context.directory().look(name) {
            Ok(found) => in_its_place(found.kind),
            Err(_) => in_its_place(FileKind::SymbolicLink),
        },
        AccessError::Obstacle(kind) => in_its_place(kind),
        AccessError::OtherOwner { .. } => (
            Diagnosis::LinkedFile,
            format!("your program has put a file of another user in the place of the file {shown}"),
        ),
        AccessError::OtherNames => (
            Diagnosis::LinkedFile,
            format!("the file {shown} has another name, which your program has given to it"),
        ),
        AccessError::NotPermitted => (
            Diagnosis::WrongMode,
            format!("the file {shown} cannot be read by its own owner"),
        ),
        AccessError::Changed => (
            Diagnosis::FileExchanged,
            format!("your program exchanges the file {shown} while the test looks at it"),
        ),
        AccessError::InUse => (
            Diagnosis::FileExchanged,
            format!("your program keeps the file {shown} from being opened"),
        ),
        AccessError::TooLarge { .. }
        | AccessError::TooMany { .. }
        | AccessError::Outside
        | AccessError::Failed(_) => {
            return error
                .attempting(format!("could not {what} the file {shown}"))
                .into();
        }
    };
    context.failure(diagnosis, symptom).into()
}

/// A name for a report.
pub(super) fn shown(name: &OsStr) -> String {
    name.as_bytes().escape_ascii().to_string()
}
