//! The workbook itself.
fn main() {}
