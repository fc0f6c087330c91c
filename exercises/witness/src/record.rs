//! The result of each check, in a file for the grader.

use std::cell::RefCell;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use libtest_mimic::{Completion, Failed, Trial};

use crate::Outcome;

/// Names the file to write: one JSON object a line, and a last one that says
/// that all checks have run. Without it a test that crashed would pass for a short one.
const RESULTS: &str = "HULL_EXERCISE_RESULTS";

static LINES: Mutex<String> = Mutex::new(String::new());

/// A check whose result is recorded.
pub fn check(name: &'static str, run: fn() -> Outcome) -> Trial {
    Trial::ignorable_test(name, move || {
        let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied())
                .unwrap_or("the check panicked");
            Err(Failed::from(format!("{message}\n{}", PLACE.take())))
        });
        let (result, reason) = match &outcome {
            Ok(Completion::Completed) => ("pass", ""),
            Ok(Completion::Ignored { reason }) => ("skip", reason.as_deref().unwrap_or("")),
            Err(failed) => ("fail", failed.message().unwrap_or("")),
        };
        line(&format!(
            r#"{{"check":"{name}","result":"{result}","reason":"{}"}}"#,
            escape8259::escape(reason)
        ));
        outcome
    })
}

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A failed assertion is told with its check, once, and not on stderr among the others.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!("at {place}"));
        PLACE.set(place);
    }));
}

fn line(text: &str) {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(lines, "{text}");
}

/// Writes what was recorded, if the grader asks for it.
pub(crate) fn write(left_out: u64) {
    let Some(file) = std::env::var_os(RESULTS) else {
        return;
    };
    line(&format!(r#"{{"end":true,"left_out":{left_out}}}"#));
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    std::fs::write(file, &*lines).expect("the file for the results");
}
