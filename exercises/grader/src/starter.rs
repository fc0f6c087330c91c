//! The beginning of an exercise: written, or compared with what is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use similar::TextDiff;

use crate::manifest::{Exercise, Manifest};
use crate::mirror;
use crate::rewrite::Files;

/// What an exercise starts from.
pub fn files(manifest: &Manifest, exercise: &Exercise) -> Result<Files> {
    manifest
        .reference(exercise)?
        .starter(&Manifest::starter_bodies(exercise))
        .with_context(|| format!("{}: the starter", exercise.id))
}

/// Says which starters differ from what the chapters give, and how.
pub fn check(manifest: &Manifest, names: &[String]) -> Result<bool> {
    let mut right = true;
    for exercise in manifest.select(names)? {
        let src = manifest.folder(exercise).join("src");
        let difference = difference(&files(manifest, exercise)?, &src)?;
        if difference.is_empty() {
            println!("{}: up to date", exercise.id);
            continue;
        }
        right = false;
        print!("{difference}");
        println!(
            "{}: differs from its starter (- what is there, + the starter)",
            exercise.id
        );
    }
    Ok(right)
}

/// Writes the starters. What a learner has changed is refused, or kept.
pub fn write(manifest: &Manifest, names: &[String], force: bool) -> Result<bool> {
    let mut right = true;
    for exercise in manifest.select(names)? {
        let files = files(manifest, exercise)?;
        let src = manifest.folder(exercise).join("src");
        let fresh = !src.exists() || mirror::files_below(&src)?.is_empty();
        if !fresh && difference(&files, &src)?.is_empty() {
            println!("{}: up to date", exercise.id);
            continue;
        }
        if !fresh && !force {
            right = false;
            println!(
                "{}: was changed, so it stays as it is (--force writes the starter and keeps your files)",
                exercise.id
            );
            continue;
        }
        if !fresh {
            let kept = keep(manifest, exercise, &src)?;
            println!("{}: your files are in {}", exercise.id, kept.display());
        }
        mirror::texts(&files, &src)?;
        println!("{}: the starter is written", exercise.id);
    }
    Ok(right)
}

/// Moves the learner's files away, to where neither the build nor `cargo clean` touches them.
fn keep(manifest: &Manifest, exercise: &Exercise, src: &Path) -> Result<PathBuf> {
    let folder = manifest.root.join("kept").join(&exercise.id);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let free = (1..).map(|n: u32| folder.join(n.to_string()));
    let kept = free
        .into_iter()
        .find(|path| !path.exists())
        .context("no number is free")?;
    fs::rename(src, &kept)
        .with_context(|| format!("moving {} to {}", src.display(), kept.display()))?;
    Ok(kept)
}

/// From what is in `src` to the starter, as a unified diff. Empty when they are the same.
fn difference(files: &Files, src: &Path) -> Result<String> {
    let mut paths = if src.exists() {
        mirror::files_below(src)?
    } else {
        Default::default()
    };
    paths.extend(files.keys().cloned());
    let mut text = String::new();
    for path in paths {
        let there = src.join(&path);
        let old = fs::read(&there).unwrap_or_default();
        let old = String::from_utf8_lossy(&old);
        let new = files.get(&path).map_or("", String::as_str);
        if old == new && files.contains_key(&path) {
            continue;
        }
        let name = there.display().to_string();
        let diff = TextDiff::from_lines(old.as_ref(), new);
        text += &format!("{}", diff.unified_diff().header(&name, "starter"));
        if !files.contains_key(&path) {
            text += &format!("{name} is not in the starter\n");
        }
    }
    Ok(text)
}

#[cfg(test)]
#[path = "starter_tests.rs"]
mod tests;
