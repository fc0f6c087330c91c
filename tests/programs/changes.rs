//! An upper directory read back, and layers that other tools made.

use std::fs;

use libtest_mimic::Trial;

use crate::ch04::Stack;
use crate::support::run::{Run, program, run, shell};
use crate::support::world::World;
use crate::support::{Outcome, done, need};

pub fn trials() -> Vec<Trial> {
    trials![changes: [
        changes_are_listed_as_docker_lists_them,
        both_drivers_list_the_same_changes,
        opaque_directory_deletes_what_it_hides,
        layers_of_the_mount_program_are_read_as_the_kernel_reads_them,
        copy_has_the_layers_whole,
        rename_of_a_directory_stands_in_the_layer_whole,
        hundreds_of_layers_are_mounted,
        paths_with_commas_and_colons_are_mounted,
    ]]
}

/// The lines of `--diff`, without the program's notice to an ordinary user.
fn changes(run: &Run) -> String {
    let lines = run
        .err
        .lines()
        .filter(|line| !line.contains("ch04-overlay:"));
    lines.collect::<Vec<_>>().join("\n")
}

fn sample() -> Stack {
    Stack::new()
        .file("layer", "old/file", "x")
        .file("layer", "old/gone", "x")
        .file("layer", "tree/deep/file", "x")
        .file("layer", "kind", "x")
        .file("layer", "same", "x")
}

const SCRIPT: &str = "echo y >>/old/file; rm /old/gone; mkdir -p /new/dir; echo z >/new/dir/file; \
    rm -r /tree; rm /kind; mkdir /kind; echo y >/kind/in; cat /same >/dev/null";

const EXPECTED: &str = "C /kind\nA /kind/in\nA /new\nA /new/dir\nA /new/dir/file\n\
    C /old\nC /old/file\nD /old/gone\nD /tree";

fn changes_are_listed_as_docker_lists_them() -> Outcome {
    skip_unless!(need::namespaces());
    let run = sample().run(&["layer"], &["--diff"], SCRIPT);
    assert_eq!(changes(&run), EXPECTED, "{run:?}");
    done()
}

fn both_drivers_list_the_same_changes() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = sample();
    let run = stack.run(&["layer"], &["--storage-driver", "vfs", "--diff"], SCRIPT);
    assert_eq!(changes(&run), EXPECTED, "{run:?}");
    // Kept, it is there for the next run, and is not made anew.
    let next = stack.run(
        &["layer"],
        &["--storage-driver", "vfs", "--diff"],
        "cat /new/dir/file",
    );
    assert_eq!(
        (next.out.as_str(), changes(&next).as_str()),
        ("z\n", EXPECTED)
    );
    done()
}

fn opaque_directory_deletes_what_it_hides() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new()
        .file("layer", "tree/both", "x")
        .file("layer", "tree/hidden/file", "x");
    let script = "rm -r /tree; mkdir /tree; echo y >/tree/both; echo z >/tree/new";
    let run = stack.run(&["layer"], &["--diff"], script);
    assert_eq!(
        changes(&run),
        "C /tree\nC /tree/both\nD /tree/hidden\nA /tree/new",
        "{run:?}"
    );
    done()
}

/// Three layers: the two upper ones made by mount(8), with a whiteout, an
/// opaque directory, and a file in place of a directory.
fn made_by_mount() -> Stack {
    let stack = Stack::new()
        .file("one", "a/b/file", "1")
        .file("one", "gone", "1")
        .file("one", "tree/old", "1")
        .file("one", "swap/file", "1");
    let script = "set -e; cd \"$0\"; mkdir two three work m
        mount -t overlay -o userxattr,lowerdir=one,upperdir=two,workdir=work overlay m
        rm m/gone; rm -r m/tree; mkdir m/tree; echo 2 >m/tree/new; rm -r m/swap; echo 2 >m/swap
        umount m; rm -rf work; mkdir work
        mount -t overlay -o userxattr,lowerdir=two:one,upperdir=three,workdir=work overlay m
        echo 3 >m/gone; rm -r m/a; mkdir -p m/a/b; echo 3 >m/a/b/new; rm m/tree/new; ln m/gone m/linked
        umount m; rm -rf work m";
    let made = run(World::shared()
        .command("unshare")
        .args(["-rm", "sh", "-c", script])
        .arg(stack.path("")));
    assert_eq!(made.code, Some(0), "{made:?}");
    stack
}

const TREE: &str = "find /a /gone /linked /tree /swap -type f -print | sort; cat /gone /swap";

fn layers_of_the_mount_program_are_read_as_the_kernel_reads_them() -> Outcome {
    skip_unless!(need::user_namespaces());
    skip_unless!(need::tools(&["unshare", "mount"]));
    let stack = made_by_mount();
    let tree = "/a/b/new\n/gone\n/linked\n/swap\n3\n2\n";
    for driver in ["overlay", "vfs"] {
        let mut command = World::shared().command("ch04-overlay");
        // The marks are in user.* attributes, which an overlay of root's own does not read.
        if driver == "overlay" && need::root().is_ok() {
            command = World::shared().command("unshare");
            command.args(["-rm", "ch04-overlay"]);
        }
        for layer in ["three", "two", "one"] {
            command.arg("--lower").arg(stack.path(layer));
        }
        let run = run(command.args(["--storage-driver", driver, "sh", "-c", TREE]));
        assert_eq!(
            (run.code, run.out.as_str()),
            (Some(0), tree),
            "{driver}: {run:?}"
        );
    }
    done()
}

/// Owners, modes, times, links, attributes, and files of every kind.
fn copy_has_the_layers_whole() -> Outcome {
    skip_unless!(need::root());
    skip_unless!(need::tools(&["setfattr", "find"]));
    let stack = Stack::new().file("layer", "t/file", "x");
    let make = "cd \"$0\"/layer/t && ln file hard && ln -s /no/where soft && mkfifo fifo && mknod dev c 1 3 \
        && chown 7:8 file && chmod 4751 file && chown -h 9:10 soft && setfattr -n user.hull -v yes file \
        && mkdir sticky && chmod 1777 sticky && touch -d 2001-02-03T04:05:06.789 file . && truncate -s 3M hole";
    let made = run(World::shared()
        .command("sh")
        .args(["-c", make])
        .arg(stack.path("")));
    assert_eq!(made.code, Some(0), "{made:?}");
    let list = "cd /t; find . -printf '%P %y %m %U:%G %n %s %T@ %l\\n' | grep -v '^ ' | sort; stat -c %t:%T dev";
    let [by_overlay, by_copy] = ["overlay", "vfs"].map(|driver| {
        let stack_flag = stack.path("layer").display().to_string();
        let flags = ["--storage-driver", driver, "--lower", &stack_flag];
        program("ch04-overlay", &[&flags[..], &["sh", "-c", list]].concat())
    });
    assert_eq!(by_overlay.code, Some(0), "{by_overlay:?}");
    let sizes_of_directories_differ = |text: &str| text.replace(" 4096 ", " ");
    assert_eq!(
        sizes_of_directories_differ(&by_overlay.out),
        sizes_of_directories_differ(&by_copy.out)
    );
    stack.run(&["layer"], &["--storage-driver", "vfs"], "true");
    let file = stack.upper().join("t/file");
    let attribute = shell(&format!(
        "getfattr --only-values -n user.hull {}",
        file.display()
    ));
    assert_eq!(attribute.out, "yes", "{attribute:?}");
    done()
}

/// With redirect_dir the kernel would write down where the directory came from,
/// and the layer would mean nothing over another one.
fn rename_of_a_directory_stands_in_the_layer_whole() -> Outcome {
    skip_unless!(need::namespaces());
    let stack = Stack::new().file("layer", "before/deep/file", "needle\n");
    stack.run(&["layer"], &[], "mv /before /after");
    let moved = stack.upper().join("after/deep/file");
    assert_eq!(fs::read_to_string(moved)?, "needle\n");
    done()
}

fn many(count: usize) -> (Stack, Vec<String>) {
    let layers: Vec<_> = (0..count).map(|n| format!("layer-{n:03}")).collect();
    let stack = layers.iter().fold(Stack::new(), |stack, layer| {
        stack.file(layer, layer, "x").file(layer, "same", layer)
    });
    (stack, layers)
}

/// The options of mount(2) have room for one page.
fn hundreds_of_layers_are_mounted() -> Outcome {
    skip_unless!(need::namespaces());
    let (stack, layers) = many(300);
    let layers: Vec<_> = layers.iter().map(String::as_str).collect();
    let run = stack.run(&layers, &[], "ls -d /layer-* | wc -l; cat /same");
    assert_eq!(run.out, "300\nlayer-000", "{run:?}");
    done()
}

fn paths_with_commas_and_colons_are_mounted() -> Outcome {
    skip_unless!(need::namespaces());
    let layer = "a:b,c\\d e\nf";
    let stack = Stack::new().file(layer, "file", "x\n");
    let run = stack.run(&[layer], &[], "cat /file; echo y >>/file");
    assert_eq!(run.out, "x\n", "{run:?}");
    assert_eq!(fs::read_to_string(stack.upper().join("file"))?, "x\ny\n");
    done()
}
