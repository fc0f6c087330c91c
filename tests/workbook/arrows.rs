//! Arrows point backwards: a chapter knows those before it, and nothing of those to come.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;
use toml::{Table, Value};

use crate::none;
use crate::repository::{chapters, number, programs, read};

/// The chapters' crates by name, and their numbers.
fn crates() -> BTreeMap<String, u32> {
    chapters()
        .into_iter()
        .map(|(number, directory)| (name(&manifest(&directory)), number))
        .collect()
}

fn manifest(directory: &str) -> Table {
    parse(&format!("chapters/{directory}/Cargo.toml"))
}

fn parse(path: &str) -> Table {
    read(path)
        .parse()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// As code spells it.
fn name(manifest: &Table) -> String {
    let name = manifest["package"]["name"].as_str().expect("a name");
    name.replace('-', "_")
}

/// What a package depends on in any way: for itself, its tests or its build, on any target.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (key, value) in manifest {
        let Value::Table(table) = value else { continue };
        if key == "target" {
            let targets = table.values().filter_map(Value::as_table);
            names.extend(targets.flat_map(dependencies));
        } else if key.ends_with("dependencies") {
            let real = |(name, value): (&String, &Value)| {
                let renamed = value.get("package").and_then(Value::as_str);
                renamed.unwrap_or(name).replace('-', "_")
            };
            names.extend(table.iter().map(real));
        }
    }
    names
}

#[test]
fn a_chapter_depends_on_earlier_chapters_alone() {
    let crates = crates();
    let mut problems = Vec::new();
    for (own, directory) in chapters() {
        for dependency in dependencies(&manifest(&directory)) {
            if crates.get(&dependency).is_some_and(|number| *number >= own) {
                problems.push(format!("chapters/{directory} depends on {dependency}"));
            }
        }
    }
    none(problems);
}

/// Its dependencies, and those of the features that it holds.
fn feature(features: &Table, name: &str) -> BTreeSet<String> {
    let parts = features.get(name).and_then(Value::as_array);
    let parts = parts.unwrap_or_else(|| panic!("Cargo.toml has no feature {name}"));
    let mut found = BTreeSet::new();
    for part in parts.iter().filter_map(Value::as_str) {
        match part.strip_prefix("dep:") {
            Some(dependency) => {
                found.insert(dependency.replace('-', "_"));
            }
            None if features.contains_key(part) => found.extend(feature(features, part)),
            None => {}
        }
    }
    found
}

#[test]
fn a_chapters_feature_holds_earlier_chapters_alone() {
    let root = parse("Cargo.toml");
    let features = root["features"].as_table().expect("features");
    let crates = crates();
    let mut problems = Vec::new();
    for (own, _) in chapters() {
        for dependency in feature(features, &format!("ch{own:02}")) {
            if crates.get(&dependency).is_some_and(|number| *number > own) {
                problems.push(format!("feature ch{own:02} holds {dependency}"));
            }
        }
    }
    none(problems);
}

/// The first word of every path in a program: the crates it uses, among others.
struct FirstWords(BTreeSet<String>);

impl Visit<'_> for FirstWords {
    fn visit_path(&mut self, path: &syn::Path) {
        self.0
            .extend(path.segments.first().map(|word| word.ident.to_string()));
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.tree(&item.tree);
    }
}

impl FirstWords {
    fn tree(&mut self, tree: &syn::UseTree) {
        let word = match tree {
            syn::UseTree::Path(path) => &path.ident,
            syn::UseTree::Name(name) => &name.ident,
            syn::UseTree::Rename(rename) => &rename.ident,
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.tree(tree));
            }
            syn::UseTree::Glob(_) => return,
        };
        self.0.insert(word.to_string());
    }
}

#[test]
fn a_program_uses_the_crates_of_its_feature_alone() {
    let root = parse("Cargo.toml");
    let features = root["features"].as_table().expect("features");
    let known: BTreeSet<_> = dependencies(&root)
        .into_iter()
        .chain(crates().into_keys())
        .collect();
    let mut problems = Vec::new();
    for program in programs() {
        let own = format!("ch{:02}", number(&program));
        let allowed = feature(features, &own);
        let file = syn::parse_file(&read(format!("src/bin/{program}.rs"))).expect("a program");
        let mut words = FirstWords(BTreeSet::new());
        words.visit_file(&file);
        let foreign = words
            .0
            .intersection(&known)
            .filter(|word| !allowed.contains(*word));
        problems.extend(foreign.map(|word| format!("{program} uses {word}, which {own} has not")));
        if !requires(&root, &program, &own) {
            problems.push(format!("{program} does not require the feature {own}"));
        }
    }
    none(problems);
}

fn requires(root: &Table, program: &str, feature: &str) -> bool {
    let wanted = Value::from(vec![feature.to_owned()]);
    let programs = root["bin"].as_array().expect("the programs");
    let entry = programs
        .iter()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(program));
    entry.and_then(|entry| entry.get("required-features")) == Some(&wanted)
}
