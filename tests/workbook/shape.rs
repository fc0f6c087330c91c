//! Short enough to read.

use syn::visit::Visit;
use syn::{Block, Signature};

use crate::none;
use crate::repository::{files_ending, programs, read};

const PROGRAM: usize = 150;
const FUNCTION: usize = 60;

#[test]
fn a_program_fits_in_150_lines() {
    let mut problems = Vec::new();
    for program in programs() {
        let count = read(format!("src/bin/{program}.rs")).lines().count();
        if count > PROGRAM {
            problems.push(format!("{program} has {count} lines"));
        }
    }
    none(problems);
}

/// The functions of a file, by name, with their first and last line.
#[derive(Default)]
struct Functions(Vec<(String, usize, usize)>);

impl Functions {
    fn add(&mut self, signature: &Signature, body: &Block) {
        let first = signature.fn_token.span.start().line;
        let last = body.brace_token.span.close().end().line;
        self.0.push((signature.ident.to_string(), first, last));
    }
}

impl Visit<'_> for Functions {
    fn visit_item_fn(&mut self, function: &syn::ItemFn) {
        self.add(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let mut functions = Functions::default();
    functions.visit_file(&syn::parse_file(text).expect("Rust that is Rust"));
    functions.0
}

#[test]
fn a_function_of_a_program_or_a_chapter_fits_in_60_lines() {
    let mut problems = Vec::new();
    let files = ["src/bin", "chapters"].map(|directory| files_ending(directory, ".rs"));
    for file in files.concat() {
        for (name, first, last) in functions(&read(&file)) {
            let count = last + 1 - first;
            if count > FUNCTION {
                problems.push(format!(
                    "{}:{first}: {name} has {count} lines",
                    file.display()
                ));
            }
        }
    }
    none(problems);
}

#[test]
fn the_lines_of_a_function_are_counted() {
    let text = "/// Says }.\nfn a() {\n    let _ = '{';\n}\nimpl X {\n    fn b() {}\n}\n";
    assert_eq!(functions(text), [("a".into(), 2, 4), ("b".into(), 6, 6)]);
}
