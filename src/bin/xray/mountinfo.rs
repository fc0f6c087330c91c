//! /proc/PID/mountinfo: proc_pid_mountinfo(5).
//!
//! procfs reads this file too, and puts the options into a map. But an overlay
//! may have the option `lowerdir+` many times, and their order is what counts.

use serde::Serialize;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Its ID, which no other mount of the machine has.
    pub id: u64,
    /// The ID of the mount that it is in.
    pub parent: u64,
    /// The file system's number, as `major:minor`.
    pub device: String,
    /// Which directory of the file system is to be seen.
    pub root: String,
    /// Where.
    pub point: String,
    /// The options of this mount.
    pub options: Vec<String>,
    /// `shared:N`, `master:N`, `propagate_from:N`, `unbindable`; nothing for a private one.
    pub propagation: Vec<String>,
    /// The type of the file system.
    pub kind: String,
    /// Where it comes from.
    pub source: String,
    /// The options of the file system.
    pub super_options: Vec<String>,
}

/// Reads the file.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut words = mount.split(' ');
    let mut word = || words.next();
    let (id, parent, device) = (word()?, word()?, word()?);
    let (root, point, options) = (word()?, word()?, word()?);
    let mut rest = file_system.splitn(3, ' ');
    Some(Mount {
        id: id.parse().ok()?,
        parent: parent.parse().ok()?,
        device: device.to_owned(),
        root: unescape(root),
        point: unescape(point),
        options: split(options),
        propagation: words.map(str::to_owned).collect(),
        kind: rest.next()?.to_owned(),
        source: unescape(rest.next()?),
        super_options: split(rest.next().unwrap_or_default()),
    })
}

/// Commas stand between options, and with a backslash in a path.
fn split(options: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quoted = false;
    for c in options.chars() {
        if c == ',' && !quoted {
            found.push(String::new());
        } else if let Some(last) = found.last_mut() {
            last.push(c);
        }
        quoted = c == '\\' && !quoted;
    }
    found.iter().map(|option| unescape(option)).collect()
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 4);
        let octal = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal.filter(|_| bytes[at] == b'\\') {
            Some(byte) => {
                plain.push(byte);
                at += 4;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

impl Mount {
    /// Whether nothing can be written through it, or to its file system.
    pub fn read_only(&self) -> bool {
        [&self.options, &self.super_options]
            .iter()
            .any(|options| options.iter().any(|option| option == "ro"))
    }

    /// The directories of an overlay, the topmost first: its upper one, then the lower ones.
    pub fn layers(&self) -> Option<Layers> {
        if self.kind != "overlay" {
            return None;
        }
        let all = |key: &str| -> Vec<String> {
            let values = self.super_options.iter();
            values
                .filter_map(|option| Some(option.strip_prefix(key)?.to_owned()))
                .collect()
        };
        // One option with colons, or one for each: overlayfs.rst.
        let lower = all("lowerdir=");
        let lower = lower.iter().flat_map(|list| colons(list));
        Some(Layers {
            upper: all("upperdir=").into_iter().next(),
            lower: lower.chain(all("lowerdir+=")).collect(),
        })
    }
}

/// The directories of an overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layers {
    /// The one that is written to.
    pub upper: Option<String>,
    /// Those that are only read, the topmost first.
    pub lower: Vec<String>,
}

/// A colon in a path has a backslash before it.
fn colons(list: &str) -> Vec<String> {
    let marked = list.replace("\\:", "\0");
    let parts = marked.split(':').filter(|part| !part.is_empty());
    parts.map(|part| part.replace('\0', ":")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_spaces_and_its_propagation() {
        let text = r"36 35 98:0 /mnt1 /a\040b rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let mount = &parse(text)[0];
        assert_eq!((mount.id, mount.parent), (36, 35));
        assert_eq!(mount.point, "/a b");
        assert_eq!(mount.propagation, ["master:1", "shared:2"]);
        assert_eq!(mount.super_options, ["rw", "errors=continue"]);
        assert_eq!(mount.layers(), None);
    }

    #[test]
    fn layers_come_in_the_order_in_which_they_are_looked_through() {
        let layers = |options: &str| {
            let text = format!("1 0 0:40 / / rw - overlay overlay rw,{options}");
            parse(&text)[0].layers().expect("layers")
        };
        let at_once = layers("lowerdir=/b:/a,upperdir=/u,workdir=/w");
        assert_eq!(at_once.upper.as_deref(), Some("/u"));
        assert_eq!(at_once.lower, ["/b", "/a"]);
        assert_eq!(layers("lowerdir+=/b,lowerdir+=/a").lower, ["/b", "/a"]);
        assert_eq!(layers(r"lowerdir=/x\:y:/z").lower, ["/x:y", "/z"]);
    }
}
