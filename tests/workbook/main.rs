//! The workbook itself: its book, the shape of its code, its snapshots.
//!
//! Nothing is run here. What the book says a program prints is held by the
//! tests of the programs, through the snapshots that the book includes.

#[path = "../support/snapshot.rs"]
mod snapshot;

mod anchors;
mod arrows;
mod blocks;
mod chapters;
mod contents;
mod differences;
mod includes;
mod links;
mod page;
mod pictures;
mod repository;
mod shape;
mod snapshots;

/// Fails with every problem found, and not with the first alone.
fn none(problems: Vec<String>) {
    assert!(
        problems.is_empty(),
        "{} found:\n  {}",
        problems.len(),
        problems.join("\n  ")
    );
}
