//! What is run in the machine: a script for its shell.

use std::path::{Path, PathBuf};

use crate::LAB;

/// A program with tests, and the directory of the package that it is of.
#[derive(Debug)]
pub struct Suite {
    /// What it is called in results.
    pub name: String,
    /// The directory to run it in.
    pub package: PathBuf,
    /// The program.
    pub program: PathBuf,
    /// Whether it runs as root alone: what it tests is the same for every user.
    pub once: bool,
}

/// A script that runs one command, and ends as it does.
pub fn command(directory: &Path, size: Option<(u16, u16)>, words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
    format!("{}exec {}\n", start(directory, size), words.join(" "))
}

/// A script that becomes a shell for a person.
pub fn shell(directory: &Path, size: Option<(u16, u16)>) -> String {
    let start = start(directory, size);
    let welcome = "\
        echo \"This is the lab: Linux $(uname -r), a machine of its own. Break what you like.\"\n\
        echo 'You are root; `as-learner sh` is an ordinary user. `exit` or `poweroff` ends it.'\n";
    format!(
        "{start}{welcome}if command -v bash >/dev/null; then PS1='lab:\\w\\$ ' exec bash; fi\n\
         PS1='lab# ' exec sh -i\n"
    )
}

/// A script that runs `suites` three times: as root, as an ordinary user, and as one who may not
/// make user namespaces. It goes on after a failure, and fails at the end.
pub fn tests(
    workspace: &Path,
    suites: &[Suite],
    arguments: &[String],
    variables: &[(&str, String)],
) -> String {
    let mut script = start(workspace, None);
    for (name, value) in variables {
        script += &format!("export {name}={}\n", quote(value));
    }
    script += &format!(
        "failed=\n\
         suite() {{ # NAME DIRECTORY COMMAND...\n\
         \x20 name=$1\n\
         \x20 cd \"$2\"\n\
         \x20 shift 2\n\
         \x20 echo\n\
         \x20 echo \"=== $name ($(cut -d. -f1 /proc/uptime)s)\"\n\
         \x20 {{ CARGO_MANIFEST_DIR=$PWD \"$@\" 2>&1; echo $? >{LAB}/ended; }} | tee {LAB}/results/\"$name\".txt\n\
         \x20 [ \"$(cat {LAB}/ended)\" = 0 ] || failed=\"$failed $name\"\n\
         }}\n"
    );
    // insta puts a pending snapshot beside the old one, whoever runs the test.
    script += "chmod a+w tests/snapshots\n";
    let arguments: Vec<_> = arguments.iter().map(|word| quote(word)).collect();
    let directory = quote(&workspace.to_string_lossy());
    for (kind, before, user) in RUNS {
        script += before;
        let suites = suites.iter().filter(|suite| !suite.once || kind == ROOT);
        for suite in suites {
            let words = [
                quote(&format!("{}-{kind}", suite.name)),
                quote(&suite.package.to_string_lossy()),
                format!("{user}{}", quote(&suite.program.to_string_lossy())),
            ];
            script += &format!("suite {} {}\n", words.join(" "), arguments.join(" "));
        }
        let pending = format!("{LAB}/results/snapshots-{kind}");
        script += &format!(
            "cd {directory}\n\
             mkdir {pending}\n\
             find . -name '*.snap.new' -exec mv {{}} {pending} ';'\n\
             rmdir {pending} 2>/dev/null\n"
        );
    }
    script + "[ -z \"$failed\" ] || { echo; echo \"lab-vm: failed:$failed\"; exit 1; }\n"
}

const ROOT: &str = "root";

/// A name, what is done first, and who runs the tests.
const RUNS: [(&str, &str, &str); 3] = [
    (ROOT, "", ""),
    ("user", "", "as-learner "),
    // user_namespaces(7): the limit of a namespace is for all its users, root too.
    (
        "forbidden",
        "echo 0 >/proc/sys/user/max_user_namespaces\n",
        "as-learner ",
    ),
];

/// What every script begins with.
fn start(directory: &Path, size: Option<(u16, u16)>) -> String {
    let directory = quote(&directory.to_string_lossy());
    let size = size.map_or(String::new(), |(rows, columns)| {
        format!("stty rows {rows} columns {columns} 2>/dev/null\n")
    });
    let terminal = std::env::var("TERM").unwrap_or_else(|_| "dumb".into());
    format!("export TERM={}\n{size}cd {directory}\n", quote(&terminal))
}

/// `word` as the shell reads it: sh(1), quoting.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_command_keeps_its_words() {
        let words = ["printf", "%s|", "a b", "it's", "$HOME", ""].map(String::from);
        let script = command(Path::new("/"), None, &words);
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a b|it's|$HOME||");
    }

    #[test]
    fn a_suite_runs_three_times_or_once_and_the_shell_can_read_it() {
        let suites = [("programs", false), ("host", true)].map(|(name, once)| Suite {
            name: name.into(),
            package: "/a b".into(),
            program: format!("/t/{name}-1").into(),
            once,
        });
        let variables = [("INSTA_UPDATE", "no".to_string())];
        let script = tests(Path::new("/w"), &suites, &["a filter".into()], &variables);
        for line in [
            "suite programs-root '/a b' /t/programs-1 'a filter'\n",
            "suite programs-user '/a b' as-learner /t/programs-1 'a filter'\n",
            "suite programs-forbidden '/a b' as-learner /t/programs-1 'a filter'\n",
            "suite host-root '/a b' /t/host-1 'a filter'\n",
            "export INSTA_UPDATE=no\n",
        ] {
            assert!(script.contains(line), "{line}{script}");
        }
        assert!(!script.contains("host-user"), "{script}");
        let parsed = Command::new("sh").args(["-n", "-c", &script]).status();
        assert!(parsed.unwrap().success(), "{script}");
    }
}
