//! A picture of a process and its container, side by side. What both share is
//! one bar across; what each has for itself is a box of its own.

use std::fmt::Write;

use crate::report::Report;

/// One line of the picture.
struct Row {
    label: String,
    host: Option<String>,
    container: Option<String>,
    /// One thing, which both have.
    shared: bool,
}

const HEIGHT: usize = 30;
const TOP: usize = 52;
/// Where the boxes of the host begin, those of the container, and how wide they are.
const HOST: usize = 144;
const CONTAINER: usize = 314;
const WIDTH: usize = 158;

/// Draws it. It takes the colours of the page that it stands in.
pub fn draw(report: &Report) -> String {
    let rows = rows(report);
    let height = TOP + rows.len() * HEIGHT + 8;
    let title = format!("Process {} seen by xray: {}", report.pid, report.command);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 480 {height}\" role=\"img\" aria-label=\"{0}\">\n<title>{0}</title>\n<desc>{1}</desc>\n",
        escape(&title),
        escape(&words(&rows))
    );
    svg += "<g font-family=\"sans-serif\" font-size=\"14\" fill=\"currentColor\" stroke-width=\"2\">\n";
    for (x, name) in [(HOST, "host"), (CONTAINER, "container")] {
        let middle = x + WIDTH / 2;
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"30\" font-size=\"15\" font-weight=\"bold\" text-anchor=\"middle\">{name}</text>"
        );
    }
    for (number, row) in rows.iter().enumerate() {
        row.draw(TOP + number * HEIGHT, &mut svg);
    }
    svg += "</g>\n</svg>\n";
    svg
}

/// What could not be read has no row, and the text beside the picture says so.
fn rows(report: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    for process in report.processes.read().into_iter().flatten() {
        let program = process.command.split(' ').next().unwrap_or_default();
        let inside = process.container_pid.map(|pid| format!("PID {pid}"));
        rows.push(Row {
            label: last_part(program).to_owned(),
            host: Some(format!("PID {}", process.host_pid)),
            shared: inside.as_deref() == Some(&format!("PID {}", process.host_pid)),
            container: inside,
        });
    }
    if let Some(ids) = report.ids.read() {
        let user = ids.user.effective;
        rows.push(Row {
            label: "user ID".into(),
            host: Some(user.host.to_string()),
            container: user.container.map(|id| id.to_string()),
            shared: ids.user_map.is_empty(),
        });
    }
    for namespace in report.namespaces.read().into_iter().flatten() {
        rows.push(Row {
            label: format!("{} ns", namespace.kind),
            host: Some(namespace.host.to_string()),
            container: Some(namespace.container.to_string()),
            shared: namespace.shared,
        });
    }
    rows.extend(root(report));
    rows.extend(limits(report));
    rows
}

fn root(report: &Report) -> Option<Row> {
    let mounts = report.mounts.read()?;
    let root = mounts.root()?;
    let container = match &root.layers {
        Some(layers) => {
            let count = layers.lower.len() + usize::from(layers.upper.is_some());
            format!("overlay, {count} layers")
        }
        None if root.mount.root != "/" => "a directory".into(),
        None => root.mount.kind.clone(),
    };
    Some(Row {
        label: "/".into(),
        host: Some("the host's".into()),
        container: Some(if mounts.shared {
            "the host's".into()
        } else {
            container
        }),
        shared: mounts.shared,
    })
}

fn limits(report: &Report) -> Vec<Row> {
    let limits = report.cgroup.read().map(|cgroup| cgroup.limits());
    let limits = limits.into_iter().flatten();
    // Swap and shares are for the table.
    let drawn = limits.filter(|(name, _)| matches!(*name, "memory" | "processors" | "processes"));
    drawn
        .map(|(name, limit)| Row {
            label: name.into(),
            host: None,
            container: Some(format!("at most {limit}")),
            shared: false,
        })
        .collect()
}

impl Row {
    fn draw(&self, y: usize, svg: &mut String) {
        let base = y + 18;
        let _ = writeln!(
            svg,
            "<text x=\"12\" y=\"{base}\">{}</text>",
            escape(&short(&self.label, 16))
        );
        if self.shared {
            let text = self.host.as_deref().unwrap_or_default();
            let across = CONTAINER + WIDTH - HOST;
            boxed(svg, HOST, y, across, "#8a8f98", &format!("{text}, shared"));
            return;
        }
        for (x, colour, text) in [
            (HOST, "#4a90d9", &self.host),
            (CONTAINER, "#3a9d63", &self.container),
        ] {
            if let Some(text) = text {
                boxed(svg, x, y, WIDTH, colour, text);
            }
        }
    }
}

fn boxed(svg: &mut String, x: usize, y: usize, width: usize, colour: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"24\" rx=\"6\" fill=\"{colour}\" fill-opacity=\"0.15\" stroke=\"{colour}\"/>"
    );
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        x + width / 2,
        y + 17,
        escape(&short(text, width / 8))
    );
}

/// The same for those who do not see it.
fn words(rows: &[Row]) -> String {
    let sentence = |row: &Row| match (&row.host, &row.container) {
        (Some(host), _) if row.shared => format!("{}: {host}, shared.", row.label),
        (Some(host), Some(container)) => {
            format!(
                "{}: {host} on the host, {container} in the container.",
                row.label
            )
        }
        (Some(host), None) => format!("{}: {host} on the host alone.", row.label),
        (None, container) => format!(
            "{}: {} in the container.",
            row.label,
            container.as_deref().unwrap_or_default()
        ),
    };
    rows.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn short(text: &str, width: usize) -> String {
    crate::table::cut(text, width)
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
