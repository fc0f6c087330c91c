//! What the book shows: sessions at a terminal, held to snapshots.

pub mod ch00;
pub mod ch01;
pub mod ch02;
pub mod ch03;
pub mod ch03_group;
pub mod ch04;
pub mod explain;
mod overlays;
pub mod xray;
