//! Each event as one line of JSON.

use std::fmt::Write;

use process::Status;

use crate::decode::signals;
use crate::event::{Event, Outcome, Step, What};

/// The line of one event, with its end.
pub fn line(event: &Event) -> String {
    let mut object = Object::new();
    object.number("pid", event.who.pid);
    if event.who.tid != event.who.pid {
        object.number("tid", event.who.tid);
    }
    if let Some(inside) = event.who.inside {
        object.number("inside", inside);
    }
    match &event.what {
        What::Call(step) => call(&mut object, step),
        What::Born { child } => {
            object.text("event", "born");
            object.number("child", child.pid);
            if let Some(inside) = child.inside {
                object.number("child_inside", inside);
            }
        }
        What::Signal { signal, sender } => {
            object.text("event", "signal");
            object.text("signal", &signals::name(*signal));
            if let Some(sender) = sender {
                object.number("sender", *sender);
            }
        }
        What::Ended(Status::Exited(code)) => {
            object.text("event", "exited");
            object.number("status", *code);
        }
        What::Ended(Status::Killed(signal)) => {
            object.text("event", "killed");
            object.text("signal", &signals::name(*signal));
        }
    }
    object.end()
}

fn call(object: &mut Object, step: &Step) {
    object.text("event", "call");
    object.text("call", step.call);
    let args: Vec<_> = step.args.iter().map(|arg| string(arg)).collect();
    object.raw("args", &format!("[{}]", args.join(",")));
    match step.outcome {
        Outcome::Returned(value) => object.number("result", value),
        Outcome::Failed(errno, _) => object.text("errno", &format!("{errno:?}")),
        Outcome::Never => object.raw("result", "null"),
    }
    object.number("microseconds", step.took.as_micros());
    if let Some(meaning) = &step.meaning {
        object.text("purpose", meaning.purpose.name());
        object.number("chapter", meaning.purpose.chapter());
        object.text("why", &meaning.why);
    }
}

/// An object as it is written. Its keys are ours, and need no escapes.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".into())
    }

    fn raw(&mut self, key: &str, value: &str) {
        let comma = if self.0.len() > 1 { "," } else { "" };
        let _ = write!(self.0, "{comma}\"{key}\":{value}");
    }

    fn number(&mut self, key: &str, value: impl ToString) {
        self.raw(key, &value.to_string());
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &string(value));
    }

    fn end(self) -> String {
        self.0 + "}\n"
    }
}

/// RFC 8259, section 7: quotation mark, backslash and control characters are escaped.
fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            other if (other as u32) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", other as u32);
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_escaped() {
        assert_eq!(string("a\"b\\\n\u{1}é"), "\"a\\\"b\\\\\\u000a\\u0001é\"");
    }
}
