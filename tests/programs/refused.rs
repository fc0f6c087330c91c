//! Root filesystems and volumes that are no good.

use crate::ch02::own_root;
use crate::support::run::{assert_fails, program};
use crate::support::world::{directory, listing};
use crate::support::{Outcome, done, need};
use libtest_mimic::Trial;
use std::fs;
use std::os::unix::fs::symlink;

pub fn trials() -> Vec<Trial> {
    trials![refused: [
        bad_volume_is_refused_and_nothing_is_left,
        bad_root_is_refused,
        kernel_file_system_on_a_symbolic_link_is_refused,
    ]]
}

fn bad_volume_is_refused_and_nothing_is_left() -> Outcome {
    skip_unless!(need::namespaces());
    let root = own_root();
    let before = listing(root.path());
    let path = root.path().to_string_lossy().into_owned();
    let source = directory();
    let (there, file) = (source.path().display(), source.path().join("file"));
    fs::write(&file, "x")?;
    let cases = [
        ("/no/such/source:/data".to_owned(), "No such file"),
        (format!("{there}"), "SRC:DST is expected"),
        (format!("{there}:data"), "not an absolute path"),
        (format!("{there}:/"), "root directory itself"),
        (format!("{there}:/data:rx"), "unknown option"),
        (
            format!("{}:/etc", file.display()),
            "inside is a directory, and the source is a file",
        ),
        (
            format!("{there}:/etc/passwd"),
            "inside is a file, and the source is a directory",
        ),
    ];
    for (volume, why) in cases {
        let run = program("ch02-rootfs", &["--rootfs", &path, "-v", &volume, "true"]);
        assert_fails(&run, 125, &[why]);
        assert!(
            listing(root.path()) == before,
            "{volume}: something is left in the root filesystem"
        );
    }
    let run = program(
        "ch02-rootfs",
        &["-v", &format!("{there}:/not/there"), "true"],
    );
    assert_fails(&run, 125, &["EROFS", "/not/there", "--rootfs", "/data"]);
    done()
}

fn bad_root_is_refused() -> Outcome {
    skip_unless!(need::namespaces());
    let empty = directory();
    let file = directory();
    fs::write(file.path().join("file"), "x")?;
    let file = file.path().join("file").to_string_lossy().into_owned();
    let cases = [
        ("/no/such/root", "No such file"),
        (&*file, "is not a directory"),
        (&*empty.path().to_string_lossy(), "is an empty directory"),
        ("/", "host's own root directory"),
    ]
    .map(|(root, why)| (root.to_owned(), why));
    for (root, why) in cases {
        assert_fails(
            &program("ch02-rootfs", &["--rootfs", &root, "true"]),
            125,
            &[why],
        );
    }
    let lone = directory();
    fs::write(lone.path().join("hello"), "no program is here")?;
    let root = lone.path().to_string_lossy().into_owned();
    assert_fails(
        &program("ch02-rootfs", &["--rootfs", &root, "sh"]),
        127,
        &["PATH"],
    );
    done()
}

/// A hostile image could send the mount of /proc to any place in its tree.
fn kernel_file_system_on_a_symbolic_link_is_refused() -> Outcome {
    skip_unless!(need::namespaces());
    for place in ["proc", "dev", "sys"] {
        let root = own_root();
        fs::remove_dir(root.path().join(place))?;
        symlink("/etc", root.path().join(place))?;
        let path = root.path().to_string_lossy().into_owned();
        assert_fails(
            &program("ch02-rootfs", &["--rootfs", &path, "true"]),
            125,
            &["is not a directory", place],
        );
    }
    done()
}
