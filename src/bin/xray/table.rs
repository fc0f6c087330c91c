//! Text in columns, for a terminal of 80.

use std::fmt::Write;

/// As wide as a terminal has been since the punched card.
const WIDTH: usize = 80;
/// Where the values begin.
const VALUES: usize = 16;
/// Where the second value of a row begins.
const SECOND: usize = 46;

/// The text, line by line.
#[derive(Default)]
pub struct Table {
    text: String,
}

impl Table {
    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }

    /// A line as it is, cut where the terminal ends.
    pub fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", cut(line.trim_end(), WIDTH));
    }

    /// The name of a section.
    pub fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
    }

    /// The names of two columns of values.
    pub fn columns(&mut self, heading: &str, first: &str, second: &str) {
        self.line("");
        self.line(&format!("{heading:VALUES$}{first:<30}{second}"));
    }

    /// A label and two values, side by side.
    pub fn pair(&mut self, label: &str, first: &str, second: &str) {
        let width = SECOND - VALUES;
        // A value that is too long for its column takes its own line.
        let too_long = |text: &str, width| text.chars().count() > width;
        if too_long(first, width - 1) || too_long(second, WIDTH - SECOND) {
            self.list(label, [first.to_owned()]);
            if !second.is_empty() {
                self.list_at(SECOND, "", [second.to_owned()]);
            }
        } else {
            let label = format!("  {label}");
            self.line(&format!("{label:VALUES$}{first:width$}{second}"));
        }
    }

    /// A label and a list of words, on as many lines as they need.
    pub fn list(&mut self, label: &str, words: impl IntoIterator<Item = String>) {
        self.list_at(VALUES, label, words);
    }

    /// The same, with the words from column `start` on.
    pub fn list_at(&mut self, start: usize, label: &str, words: impl IntoIterator<Item = String>) {
        let mut line = format!("{:start$}", format!("  {label}"));
        let mut empty = true;
        for word in words
            .into_iter()
            .flat_map(|word| pieces(&word, WIDTH - start))
        {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(start);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line += &word;
            empty = false;
        }
        self.line(&line);
    }
}

/// The words of a text; one that is longer than a line in pieces.
fn pieces(text: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    for word in text.split(' ') {
        let characters: Vec<_> = word.chars().collect();
        pieces.extend(characters.chunks(width.max(1)).map(String::from_iter));
    }
    pieces
}

/// The beginning of a text that is too long, and three dots.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let begin: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{begin}...")
}

/// Words with commas between them.
pub fn commas(words: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    let mut words: Vec<_> = words.into_iter().map(|word| word.to_string()).collect();
    let last = words.len().saturating_sub(1);
    for word in &mut words[..last] {
        word.push(',');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut table = Table::default();
        table.list("long", [String::from_iter(["x"; 200]), "y".repeat(60)]);
        table.pair("pair", &"a".repeat(40), &"b".repeat(90));
        let text = table.finish();
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert_eq!(text.matches('x').count(), 200);
    }
}
