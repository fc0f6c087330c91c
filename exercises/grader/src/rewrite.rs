//! A crate's source with other bodies in it: a starter has `todo!()`, a mutant a mistake.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::mirror::files_below;
use crate::source::{Body, Source};

/// New bodies, by the path of the item.
pub type Bodies = BTreeMap<String, String>;

/// Texts, by their path below `src`.
pub type Files = BTreeMap<PathBuf, String>;

/// What stands for a function that the learner writes.
pub const TODO: &str = "todo!()";

/// A starter's functions do not use what they will use once they are written.
const STARTER: &str = "\n
// For the starter: what the bodies will use is unused while they say todo!().
// Remove this line when you have written them.
#![allow(unused)]";

/// The source of a crate, ready to be written with other bodies.
pub struct Crate(Vec<Source>);

impl Crate {
    /// Reads the `src` of a crate. A file of `instead` takes the place of the
    /// crate's file of the same name, or is added.
    pub fn read(src: &Path, instead: Option<&Path>) -> Result<Self> {
        let mut files = texts(src)?;
        if let Some(instead) = instead {
            files.extend(texts(instead)?);
        }
        Self::of(files)
    }

    pub fn of(files: Files) -> Result<Self> {
        files
            .into_iter()
            .map(|(path, text)| Source::parse(&path, text))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// An error for a path that names nothing here, with what there is.
    pub fn find(&self, path: &str) -> Result<&Body> {
        let bodies = || self.0.iter().flat_map(|source| &source.bodies);
        let mut found = bodies().filter(|(name, _)| *name == path);
        match (found.next(), found.next()) {
            (Some((_, body)), None) => Ok(body),
            (Some(_), Some(_)) => bail!("{path} is in two files"),
            (None, _) => {
                let all: Vec<_> = bodies().map(|(name, _)| name.as_str()).collect();
                bail!("there is no {path}; there are: {}", all.join(", "))
            }
        }
    }

    /// The starter: `bodies` in place of the crate's own.
    pub fn starter(&self, bodies: &Bodies) -> Result<Files> {
        self.rewritten(bodies, true)
    }

    /// The same crate with some other bodies; with none, the reference.
    pub fn with(&self, bodies: &Bodies) -> Result<Files> {
        self.rewritten(bodies, false)
    }

    fn rewritten(&self, bodies: &Bodies, starter: bool) -> Result<Files> {
        for path in bodies.keys() {
            self.find(path)?;
        }
        let write = |source: &Source| {
            let text = rewrite(
                source,
                bodies,
                starter && source.path == Path::new("lib.rs"),
            );
            // What does not parse here would be a puzzle in the compiler's message.
            syn::parse_file(&text)
                .with_context(|| format!("{} with other bodies", source.path.display()))?;
            Ok((source.path.clone(), text))
        };
        self.0.iter().map(write).collect()
    }
}

fn texts(src: &Path) -> Result<Files> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(src.join(&path))
            .with_context(|| format!("reading {}", src.join(&path).display()))?;
        Ok((path, text))
    };
    files_below(src)?.into_iter().map(read).collect()
}

fn rewrite(source: &Source, bodies: &Bodies, allow_unused: bool) -> String {
    let text = &source.text;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (path, body) in &source.bodies {
        let Some(new) = bodies.get(path) else {
            continue;
        };
        edits.push(match body {
            Body::Value(value) => (value.clone(), new.clone()),
            Body::Function { block, item } => {
                (block.clone(), braced(new, indentation(text, *item)))
            }
        });
    }
    for test in &source.tests {
        // With the empty lines before it.
        let start = text[..test.start].trim_end().len();
        edits.push((start..test.end, String::new()));
    }
    if allow_unused {
        edits.push((source.header_end..source.header_end, STARTER.to_owned()));
    }
    // From the end, so that the places of the others stay where they are.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.clone();
    for (range, new) in edits {
        text.replace_range(range, &new);
    }
    without_anchors(&text)
}

fn braced(body: &str, indentation: &str) -> String {
    let lines: Vec<_> = body
        .trim()
        .lines()
        .map(|line| match line {
            "" => String::new(),
            line => format!("{indentation}    {line}"),
        })
        .collect();
    format!("{{\n{}\n{indentation}}}", lines.join("\n"))
}

/// The white space at the beginning of the line that `at` is in.
fn indentation(text: &str, at: usize) -> &str {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let rest = &text[line..];
    &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()]
}

/// The book's marks mean nothing to a learner.
fn without_anchors(text: &str) -> String {
    let mark = |line: &str| {
        let line = line.trim_start();
        line.starts_with("// ANCHOR:") || line.starts_with("// ANCHOR_END:")
    };
    text.split_inclusive('\n')
        .filter(|line| !mark(line))
        .collect()
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
