//! The pictures of the book that `xray --svg` draws.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::transcript::Transcript;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![xray_pictures: [chapter_1, chapter_2, chapter_3, chapter_4]]
}

fn chapter_1() -> Outcome {
    skip_unless!(need::user_namespaces());
    draw(
        Transcript::new().unprivileged(),
        "ch01-namespaces",
        "sleep 1311",
    );
    done()
}

fn chapter_2() -> Outcome {
    skip_unless!(need::user_namespaces());
    draw(
        Transcript::new().unprivileged(),
        "ch02-rootfs",
        "sleep 1312",
    );
    done()
}

fn chapter_3() -> Outcome {
    skip_unless!(need::root());
    need_controller!("memory");
    need_controller!("cpu");
    need_controller!("pids");
    let program = "ch03-cgroups --memory 64M --cpus 0.5 --pids 20";
    draw(Transcript::new(), program, "sleep 1313");
    done()
}

fn chapter_4() -> Outcome {
    skip_unless!(need::user_namespaces());
    draw(
        Transcript::new().unprivileged(),
        "ch04-overlay",
        "sleep 1314",
    );
    done()
}

/// Holds the picture of a container to the one in the book. As with a snapshot,
/// `INSTA_UPDATE=always` accepts what was drawn.
fn draw(session: Transcript, program: &str, command: &str) {
    let session = session.background(program, command).shell("xray --svg $!");
    let text = session.normalised();
    let picture = &text[text.find("<svg").expect("a picture")..];
    let chapter = &program[..4];
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("book/src/pictures/xray-{chapter}.svg"));
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        fs::write(&path, picture).expect("a picture in the book");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(picture, kept, "{}", path.display());
}
