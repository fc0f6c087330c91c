//! Two programs beside each other, step by step, by what the steps are for.

use std::ffi::OsString;
use std::fmt::Write;

use anyhow::{Result, bail};
use process::Status;

use crate::event::{Event, Outcome, What};
use crate::launch::Launch;
use crate::purpose::Purpose;
use crate::{Output, tracer};

/// The width of one program's column.
const WIDTH: usize = 58;

/// Runs `program`, then `other`, and sets their steps side by side. The status
/// is that of `program`.
///
/// # Errors
/// When one of them cannot be started or traced, or `other` has a quotation mark without its second.
pub fn run(program: Vec<OsString>, other: &str, output: &mut Output) -> Result<Status> {
    let other: Vec<_> = words(other)?.into_iter().map(OsString::from).collect();
    let (status, left) = steps(&program)?;
    let (_, right) = steps(&other)?;
    output.write(&beside(&program, &left, &other, &right));
    Ok(status)
}

/// A step in short, and what it is for.
type Steps = Vec<(Purpose, String)>;

fn steps(program: &[OsString]) -> Result<(Status, Steps)> {
    let mut steps: Steps = Vec::new();
    let launch = Launch {
        program,
        all: false,
    };
    let status = tracer::run(&launch, |event| {
        if let Some(step) = short(&event) {
            steps.push(step);
        }
    })?;
    Ok((status, steps))
}

fn short(event: &Event) -> Option<(Purpose, String)> {
    let What::Call(step) = &event.what else {
        return None;
    };
    let purpose = step.meaning.as_ref()?.purpose;
    // Where a command is not, in PATH, is no step.
    if step.call.starts_with("exec") && !step.outcome.succeeded() {
        return None;
    }
    let failed = match step.outcome {
        Outcome::Failed(errno, _) => format!(" = {errno:?}"),
        _ => String::new(),
    };
    Some((
        purpose,
        format!("{}({}){failed}", step.call, step.args.join(", ")),
    ))
}

fn beside(one: &[OsString], left: &Steps, two: &[OsString], right: &Steps) -> String {
    let mut text = row(&line(one), &line(two));
    for purpose in Purpose::ALL {
        let of = |steps: &Steps| -> Vec<String> {
            let own = steps.iter().filter(|(own, _)| *own == purpose);
            folded(own.map(|(_, step)| step.clone()))
        };
        let (left, right) = (of(left), of(right));
        if left.is_empty() && right.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\nchapter {}: {}", purpose.chapter(), purpose.name());
        for (left, right) in aligned(&left, &right) {
            text += &row(left, right);
        }
    }
    text
}

/// Pairs of steps, the same call beside the same call wherever the order allows
/// it: the longest common subsequence of their names.
fn aligned<'a>(left: &'a [String], right: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let name = |step: &'a String| step.split('(').next().unwrap_or_default();
    let same = |n: usize, m: usize| name(&left[n]) == name(&right[m]);
    // How many pairs there are at most in what is left from n and m on.
    let mut pairs = vec![vec![0; right.len() + 1]; left.len() + 1];
    for n in (0..left.len()).rev() {
        for m in (0..right.len()).rev() {
            pairs[n][m] = match same(n, m) {
                true => pairs[n + 1][m + 1] + 1,
                false => pairs[n + 1][m].max(pairs[n][m + 1]),
            };
        }
    }
    let (mut n, mut m, mut rows) = (0, 0, Vec::new());
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    while n < left.len() || m < right.len() {
        let both = n < left.len() && m < right.len();
        if both && same(n, m) {
            rows.extend(beside_one_another(&mut of_left, &mut of_right));
            rows.push((left[n].as_str(), right[m].as_str()));
            (n, m) = (n + 1, m + 1);
        } else if m == right.len() || (both && pairs[n + 1][m] >= pairs[n][m + 1]) {
            of_left.push(left[n].as_str());
            n += 1;
        } else {
            of_right.push(right[m].as_str());
            m += 1;
        }
    }
    rows.extend(beside_one_another(&mut of_left, &mut of_right));
    rows
}

/// Steps between two pairs: they have a place in common, and no more.
fn beside_one_another<'a>(
    left: &mut Vec<&'a str>,
    right: &mut Vec<&'a str>,
) -> Vec<(&'a str, &'a str)> {
    let (left, right) = (std::mem::take(left), std::mem::take(right));
    let at = |steps: &[&'a str], n: usize| steps.get(n).copied().unwrap_or_default();
    let rows = 0..left.len().max(right.len());
    rows.map(|n| (at(&left, n), at(&right, n))).collect()
}

/// The same call again and again is one line, with how often it came.
fn folded(steps: impl Iterator<Item = String>) -> Vec<String> {
    let mut folded: Vec<(String, u32)> = Vec::new();
    for step in steps {
        match folded.last_mut() {
            Some((last, count)) if *last == step => *count += 1,
            _ => folded.push((step, 1)),
        }
    }
    let text = |(step, count)| match count {
        1 => step,
        _ => format!("{step} × {count}"),
    };
    folded.into_iter().map(text).collect()
}

fn row(left: &str, right: &str) -> String {
    let (left, right) = (cut(left), cut(right));
    let row = format!("  {left:<WIDTH$}  {right}");
    format!("{}\n", row.trim_end())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text.to_owned(),
        Some(_) => text.chars().take(WIDTH - 1).chain(['…']).collect(),
    }
}

fn line(words: &[OsString]) -> String {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// As a shell splits a line, with quotation marks and backslashes, and no more of a shell than that.
fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            (mark @ ('"' | '\''), None) => {
                quote = Some(mark);
                word.get_or_insert_default();
            }
            (mark, Some(open)) if mark == open => quote = None,
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    if let Some(open) = quote {
        bail!("a {open} of {line:?} has no second one");
    }
    words.extend(word);
    if words.is_empty() {
        bail!("--compare has no command");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        assert_eq!(
            words(r#"a "b c" 'd "e' f\ g """#).unwrap(),
            ["a", "b c", "d \"e", "f g", ""]
        );
        assert!(words("a 'b").is_err());
        assert!(words("  ").is_err());
    }

    #[test]
    fn the_same_call_stands_beside_the_same() {
        let (left, right) = (["a(1)", "c()"], ["b()", "a(2)", "c()"]);
        let (left, right) = (left.map(String::from), right.map(String::from));
        let rows = [("", "b()"), ("a(1)", "a(2)"), ("c()", "c()")];
        assert_eq!(aligned(&left, &right), rows);
        assert_eq!(aligned(&[], &right).len(), 3);
        assert_eq!(aligned(&left[1..], &right[..1]), [("c()", "b()")]);
    }

    #[test]
    fn the_same_step_again_is_counted() {
        let steps = ["a", "a", "b"].map(String::from);
        assert_eq!(folded(steps.into_iter()), ["a × 2", "b"]);
    }
}
