//! What a start costs, and where: the calls added up by what they are for.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::event::{Event, What};
use crate::purpose::Purpose;

/// A line for each purpose: its calls, and the time in them. That time has the
/// stops for the tracer in it, some microseconds a call, and so is an upper bound.
pub fn table(events: &[Event]) -> String {
    let mut sums: BTreeMap<Purpose, (u32, Duration)> = BTreeMap::new();
    for event in events {
        let What::Call(step) = &event.what else {
            continue;
        };
        if let Some(meaning) = &step.meaning {
            let (calls, time) = sums.entry(meaning.purpose).or_default();
            *calls += 1;
            *time += step.took;
        }
    }
    let all = sums.values().map(|(_, time)| *time).sum::<Duration>();
    let mut text = format!("{:<30}{:>6}{:>12}{:>7}\n", "", "calls", "us", "%");
    for purpose in Purpose::ALL {
        if let Some((calls, time)) = sums.get(&purpose) {
            let name = format!("chapter {}: {}", purpose.chapter(), purpose.name());
            let share = 100.0 * time.as_secs_f64() / all.as_secs_f64().max(1e-9);
            let us = time.as_micros();
            let _ = writeln!(text, "{name:<34}{calls:>2}{us:>12}{share:>7.1}");
        }
    }
    let calls: u32 = sums.values().map(|(calls, _)| calls).sum();
    let _ = writeln!(
        text,
        "{:<30}{calls:>6}{:>12}{:>7}",
        "all",
        all.as_micros(),
        ""
    );
    text
}
