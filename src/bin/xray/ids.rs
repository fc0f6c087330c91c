//! User and group IDs, on both sides of the user namespace.

use anyhow::Result;
use serde::Serialize;

use crate::namespaces::inode;
use crate::table::{Table, commas};
use crate::target::{Target, read};

/// The target's IDs: credentials(7).
#[derive(Debug, Serialize)]
pub struct Ids {
    /// User IDs.
    pub user: Four,
    /// Group IDs.
    pub group: Four,
    /// Its supplementary groups.
    pub supplementary: Vec<Id>,
    /// How its user namespace maps user IDs; empty where it is the host's.
    pub user_map: Vec<Range>,
    /// How its user namespace maps group IDs; empty where it is the host's.
    pub group_map: Vec<Range>,
}

/// The four IDs of one kind.
#[derive(Debug, Serialize)]
pub struct Four {
    /// Who started it.
    pub real: Id,
    /// As whom it acts.
    pub effective: Id,
    /// As whom it may act again.
    pub saved: Id,
    /// As whom it opens files.
    pub filesystem: Id,
}

/// One ID, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Id {
    /// On the host.
    pub host: u32,
    /// In the container; none where its user namespace has no ID for it.
    pub container: Option<u32>,
}

/// A line of uid_map or gid_map: user_namespaces(7).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Range {
    /// The first ID inside.
    pub inside: u32,
    /// The first ID on the host.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Reads them.
pub fn of(target: &Target) -> Result<Ids> {
    let status = target.status()?;
    // From within the same user namespace the map would be read as its parent's sees it.
    let there = inode(&target.path("ns").to_string_lossy(), "user");
    let same = match there {
        Ok(there) => inode("/proc/self/ns", "user").ok() == Some(there),
        // Another user's namespaces cannot be read, but the maps can.
        Err(_) => target.read("uid_map")? == read(std::process::id() as i32, "uid_map")?,
    };
    let map = |file| -> Result<Vec<Range>> {
        if same {
            return Ok(Vec::new());
        }
        Ok(target.read(file)?.lines().filter_map(range).collect())
    };
    let (users, groups) = (map("uid_map")?, map("gid_map")?);
    let user = |host| id(host, &users, same);
    let group = |host| id(host, &groups, same);
    Ok(Ids {
        user: Four {
            real: user(status.ruid),
            effective: user(status.euid),
            saved: user(status.suid),
            filesystem: user(status.fuid),
        },
        group: Four {
            real: group(status.rgid),
            effective: group(status.egid),
            saved: group(status.sgid),
            filesystem: group(status.fgid),
        },
        supplementary: status.groups.iter().map(|host| group(*host)).collect(),
        user_map: users,
        group_map: groups,
    })
}

fn range(line: &str) -> Option<Range> {
    let mut numbers = line.split_whitespace().map(str::parse);
    Some(Range {
        inside: numbers.next()?.ok()?,
        outside: numbers.next()?.ok()?,
        count: numbers.next()?.ok()?,
    })
}

fn id(host: u32, map: &[Range], same: bool) -> Id {
    let inside = map.iter().find_map(|range| {
        let distance = host.checked_sub(range.outside)?;
        (distance < range.count).then(|| range.inside + distance)
    });
    Id {
        host,
        container: if same { Some(host) } else { inside },
    }
}

impl Id {
    fn inside(self) -> String {
        self.container
            .map_or_else(|| "not mapped".into(), |id| id.to_string())
    }
}

/// Adds them to the table.
pub fn show(ids: &Ids, table: &mut Table) {
    for (name, four) in [("user", &ids.user), ("group", &ids.group)] {
        table.pair(name, &four.real.host.to_string(), &four.real.inside());
        let others = [
            ("effective", four.effective),
            ("saved", four.saved),
            ("filesystem", four.filesystem),
        ];
        for (kind, id) in others.iter().filter(|(_, id)| *id != four.real) {
            table.pair(&format!("  {kind}"), &id.host.to_string(), &id.inside());
        }
    }
    if !ids.supplementary.is_empty() {
        let hosts = ids.supplementary.iter().map(|id| id.host);
        let inside = ids.supplementary.iter().map(|id| id.inside());
        table.pair(
            "groups",
            &commas(hosts).join(" "),
            &commas(inside).join(" "),
        );
    }
    for (name, map) in [("user map", &ids.user_map), ("group map", &ids.group_map)] {
        for range in map {
            let many = |first: u32| match range.count {
                1 => first.to_string(),
                count => format!("{first} to {}", u64::from(first) + u64::from(count) - 1),
            };
            table.pair(name, &many(range.outside), &many(range.inside));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_the_range_that_holds_it() {
        let map: Vec<_> = ["0 1000 1", " 1 100000  65536"]
            .iter()
            .filter_map(|line| range(line))
            .collect();
        assert_eq!(id(1000, &map, false).container, Some(0));
        assert_eq!(id(100_009, &map, false).container, Some(10));
        assert_eq!(id(165_536, &map, false).container, None);
        assert_eq!(id(7, &[], true).container, Some(7));
    }
}
