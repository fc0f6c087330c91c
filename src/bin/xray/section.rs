//! A part of the report: read, or not readable, and then why.

use anyhow::Result;
use serde::Serialize;

use crate::table::Table;

/// What could be read. What could not is never left out in silence.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Section<T> {
    /// What was read.
    Read(T),
    /// Nothing was read.
    Unread {
        /// The call that failed, and how.
        unreadable: String,
    },
}

impl<T> Section<T> {
    /// What was read, if it was.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Unread { .. } => None,
        }
    }

    /// Adds it to the table, under its heading.
    pub fn show(&self, table: &mut Table, heading: &str, rows: impl FnOnce(&T, &mut Table)) {
        table.heading(heading);
        match self {
            Self::Read(value) => rows(value, table),
            Self::Unread { unreadable } => {
                table.list("", ["not readable:".into(), unreadable.clone()]);
            }
        }
    }
}

impl<T> From<Result<T>> for Section<T> {
    fn from(result: Result<T>) -> Self {
        match result {
            Ok(value) => Self::Read(value),
            Err(error) => Self::Unread {
                unreadable: format!("{error:#}"),
            },
        }
    }
}
