//! The words that a library search path may hold for the loader to fill in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::elf::Target;
use crate::machine;

/// The absolute paths in a `DT_RPATH` or `DT_RUNPATH`, with ld.so(8)'s three words filled in. A
/// relative path would depend on where the program is started.
pub fn expand(list: &OsStr, origin: &Path, target: &Target) -> Vec<PathBuf> {
    let bytes = list.as_bytes();
    let mut paths = Vec::new();
    for entry in bytes
        .split(|&byte| byte == b':')
        .filter(|entry| !entry.is_empty())
    {
        let mut variants = vec![entry.to_vec()];
        variants = fill_in(variants, "ORIGIN", &[origin.as_os_str().as_bytes()]);
        let multiarch = machine::multiarch_directory(target).map(|name| format!("lib/{name}"));
        let plain = if target.is_64 { "lib64" } else { "lib" };
        // $LIB is what the distribution built its loader with: one of these.
        let libraries = [Some(plain), multiarch.as_deref(), Some("lib")];
        let libraries: Vec<_> = libraries.into_iter().flatten().map(str::as_bytes).collect();
        variants = fill_in(variants, "LIB", &libraries);
        variants = fill_in(variants, "PLATFORM", &[machine::name(target).as_bytes()]);
        let variants = variants
            .into_iter()
            .map(|bytes| PathBuf::from(OsStr::from_bytes(&bytes)));
        paths.extend(variants.filter(|path| path.is_absolute()));
    }
    paths
}

fn fill_in(paths: Vec<Vec<u8>>, word: &str, values: &[&[u8]]) -> Vec<Vec<u8>> {
    let forms = [format!("${{{word}}}"), format!("${word}")];
    let mut filled = Vec::new();
    for path in paths {
        let found = forms.iter().find_map(|form| {
            let at = path
                .windows(form.len())
                .position(|window| window == form.as_bytes())?;
            Some((at, at + form.len()))
        });
        let Some((start, end)) = found else {
            filled.push(path);
            continue;
        };
        for value in values {
            filled.push([&path[..start], value, &path[end..]].concat());
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target {
        is_64: true,
        is_big_endian: false,
        machine: 62,
        flags: 0,
    };

    fn expanded(list: &str) -> Vec<String> {
        let paths = expand(list.as_ref(), Path::new("/opt/x/bin"), &TARGET);
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn origin_is_the_directory_of_the_file_in_both_spellings() {
        assert_eq!(
            expanded("$ORIGIN/../lib:/a:${ORIGIN}"),
            ["/opt/x/bin/../lib", "/a", "/opt/x/bin"]
        );
    }

    #[test]
    fn lib_is_tried_in_every_spelling_that_a_distribution_may_use() {
        assert_eq!(
            expanded("/a/$LIB"),
            ["/a/lib64", "/a/lib/x86_64-linux-gnu", "/a/lib"]
        );
        assert_eq!(expanded("/a/${PLATFORM}/b"), ["/a/x86_64/b"]);
    }

    #[test]
    fn relative_and_empty_entries_are_passed_over() {
        assert_eq!(expanded("lib::/a:"), ["/a"]);
    }
}
