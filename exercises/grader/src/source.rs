//! Rust source, and where in it the bodies are that can be replaced.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Block, ImplItem, Item, TraitItem, Type};

/// A source file of a crate.
#[derive(Debug)]
pub struct Source {
    /// Below `src`.
    pub path: PathBuf,
    pub text: String,
    /// By path from the root of the crate: `handshake::WaitForGo::wait`, `FLAGS`.
    pub bodies: BTreeMap<String, Body>,
    /// Modules and functions under `#[cfg(test)]`.
    pub tests: Vec<Range<usize>>,
    /// Where the inner documentation and the inner attributes end.
    pub header_end: usize,
}

/// What stands behind a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A function's, from brace to brace. `item` is where the function begins.
    Function { block: Range<usize>, item: usize },
    /// A constant's: the expression.
    Value(Range<usize>),
}

impl Source {
    pub fn parse(path: &Path, text: String) -> Result<Self> {
        let file = syn::parse_file(&text).with_context(|| format!("parsing {}", path.display()))?;
        let mut found = Found::default();
        found.items(&module_of(path), &file.items)?;
        Ok(Self {
            path: path.to_owned(),
            header_end: file.attrs.last().map_or(0, |last| range(last.span()).end),
            text,
            bodies: found.bodies,
            tests: found.tests,
        })
    }
}

/// `lib.rs` is the crate itself, `a.rs` and `a/mod.rs` are `a`, `a/b.rs` is `a::b`.
fn module_of(path: &Path) -> String {
    let names = path.with_extension("");
    let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    let names = match names.split_last() {
        Some((last, parents)) if last == "mod" || last == "lib" => parents,
        _ => &names[..],
    };
    names.join("::")
}

#[derive(Default)]
struct Found {
    bodies: BTreeMap<String, Body>,
    tests: Vec<Range<usize>>,
}

impl Found {
    fn items(&mut self, module: &str, items: &[Item]) -> Result<()> {
        for item in items {
            let (attributes, name) = match item {
                Item::Fn(item) => (&item.attrs, item.sig.ident.to_string()),
                Item::Mod(item) => (&item.attrs, item.ident.to_string()),
                Item::Const(item) => (&item.attrs, item.ident.to_string()),
                Item::Static(item) => (&item.attrs, item.ident.to_string()),
                Item::Impl(item) => (&item.attrs, type_name(&item.self_ty)),
                Item::Trait(item) => (&item.attrs, item.ident.to_string()),
                _ => continue,
            };
            if attributes.iter().any(is_cfg_test) {
                self.tests.push(range(item.span()));
                continue;
            }
            let path = join(module, &name);
            match item {
                Item::Fn(item) => self.function(path, range(item.span()), &item.block)?,
                Item::Mod(item) => {
                    let inner = item.content.as_ref().map_or(&[][..], |(_, items)| items);
                    self.items(&path, inner)?;
                }
                Item::Const(item) => self.value(path, &item.expr)?,
                Item::Static(item) => self.value(path, &item.expr)?,
                Item::Impl(item) => self.implementation(module, &name, item)?,
                Item::Trait(item) => self.provided(&path, &item.items)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `module::Type::name`, and `module::<Type as Trait>::name`: a type may
    /// have a method of the same name by itself and from a trait.
    fn implementation(&mut self, module: &str, name: &str, item: &syn::ItemImpl) -> Result<()> {
        let of = match &item.trait_ {
            Some((path, _)) => {
                let last = path.segments.last().context("a trait has a name")?;
                format!("<{name} as {}>", last.ident)
            }
            None => name.to_owned(),
        };
        let of = join(module, &of);
        for member in &item.items {
            match member {
                ImplItem::Fn(member) => {
                    let path = join(&of, &member.sig.ident.to_string());
                    self.function(path, range(member.span()), &member.block)?;
                }
                ImplItem::Const(member) => {
                    self.value(join(&of, &member.ident.to_string()), &member.expr)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The methods that a trait provides itself.
    fn provided(&mut self, of: &str, members: &[TraitItem]) -> Result<()> {
        for member in members {
            if let TraitItem::Fn(member) = member
                && let Some(block) = &member.default
            {
                let path = join(of, &member.sig.ident.to_string());
                self.function(path, range(member.span()), block)?;
            }
        }
        Ok(())
    }

    fn function(&mut self, path: String, item: Range<usize>, block: &Block) -> Result<()> {
        let braces = &block.brace_token.span;
        let block = range(braces.open()).start..range(braces.close()).end;
        let item = item.start;
        self.add(path, Body::Function { block, item })
    }

    fn value(&mut self, path: String, value: &impl Spanned) -> Result<()> {
        self.add(path, Body::Value(range(value.span())))
    }

    fn add(&mut self, path: String, body: Body) -> Result<()> {
        if self.bodies.insert(path.clone(), body).is_some() {
            bail!("{path} is there twice, so its name does not say which is meant");
        }
        Ok(())
    }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() {
        name.to_owned()
    } else {
        format!("{module}::{name}")
    }
}

/// The type's own name: neither its path nor its generic arguments.
fn type_name(of: &Type) -> String {
    match of {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map_or_else(String::new, |last| last.ident.to_string()),
        Type::Reference(reference) => type_name(&reference.elem),
        _ => String::new(),
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let list = attribute.meta.require_list();
    attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string() == "test")
}

/// In bytes of the file.
fn range(span: Span) -> Range<usize> {
    span.byte_range()
}
