//! A page of Markdown, read as mdBook reads it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::repository::{files_ending, read};

pub struct Page {
    /// From the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

/// A block of code, fenced or indented.
pub struct Block {
    pub line: usize,
    pub body: String,
}

/// A link or an image.
pub struct Link {
    pub line: usize,
    pub target: String,
}

impl Page {
    pub fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = read(&path);
        Self { path, text }
    }

    /// Every page of the book, with its table of contents.
    pub fn of_book() -> Vec<Self> {
        let pages: Vec<_> = files_ending("book/src", ".md")
            .into_iter()
            .map(Self::read)
            .collect();
        assert!(!pages.is_empty(), "the book has pages");
        pages
    }

    /// The pages that stand beside the code.
    pub fn of_repository() -> Vec<Self> {
        ["README.md", "CONTRIBUTING.md"].map(Self::read).into()
    }

    /// A place on this page, for a message.
    pub fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(_)) => {
                    open = Some(Block {
                        line: self.line(&range),
                        body: String::new(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.body += &text;
                    }
                }
                _ => {}
            }
        }
        blocks
    }

    pub fn links(&self) -> Vec<Link> {
        static HTML: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\b(?:href|src)="([^"]*)""#));
        let mut links = Vec::new();
        for (event, range) in self.events() {
            let line = self.line(&range);
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(Link {
                        line,
                        target: dest_url.into_string(),
                    });
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    links.extend(HTML.captures_iter(&html).map(|found| Link {
                        line,
                        target: found[1].to_owned(),
                    }));
                }
                _ => {}
            }
        }
        links
    }

    /// `[text][label]` whose label is defined nowhere: it would be printed as it stands.
    pub fn undefined_labels(&self) -> Vec<String> {
        let mut undefined = Vec::new();
        let note = |link: pulldown_cmark::BrokenLink| {
            if link.link_type == LinkType::Reference {
                undefined.push(format!(
                    "{}: no [{}] is defined",
                    self.place(self.line(&link.span)),
                    link.reference
                ));
            }
            None
        };
        Parser::new_with_broken_link_callback(&self.text, options(), Some(note)).for_each(drop);
        undefined
    }

    /// What a `#fragment` may name: the id of a heading, or of an element in HTML.
    pub fn ids(&self) -> Vec<String> {
        static HTML: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\bid="([^"]*)""#));
        let mut ids: Vec<String> = Vec::new();
        let mut heading: Option<(Option<String>, String)> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { id, .. }) => {
                    heading = Some((id.map(|id| id.into_string()), String::new()));
                }
                Event::End(TagEnd::Heading(_)) => {
                    let (own, text) = heading.take().expect("a heading that began");
                    let id = own.unwrap_or_else(|| unique(&id_of(&text), &ids));
                    ids.push(id);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, heading)) = &mut heading {
                        *heading += &text;
                    }
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    ids.extend(HTML.captures_iter(&html).map(|found| found[1].to_owned()));
                }
                _ => {}
            }
        }
        ids
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
        Parser::new_ext(&self.text, options()).into_offset_iter()
    }

    fn line(&self, range: &Range<usize>) -> usize {
        1 + self.text[..range.start].matches('\n').count()
    }
}

/// What mdBook 0.5 turns on.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_GFM
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_SMART_PUNCTUATION
}

/// mdBook's rule, which is GitHub's too for the headings used here.
fn id_of(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            _ if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
            _ if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

/// The second heading of the same words gets `-1`, the third `-2`.
fn unique(id: &str, taken: &[String]) -> String {
    let numbered = (1..).map(|n| format!("{id}-{n}"));
    std::iter::once(id.to_owned())
        .chain(numbered)
        .find(|id| !taken.contains(id))
        .expect("a free number")
}

pub fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

#[test]
fn ids_of_headings_follow_mdbooks_rule() {
    let page = Page {
        path: PathBuf::new(),
        text: "# A `code` & *emph* — Héllo, World!\n\
               ## What breaks when a step's left out?\n\
               ## What breaks when a step's left out?\n\
               ## 2 numbers_and-dash / slash\n\
               ## With {#custom}\n\
               ## A -- B\n\
               <a id=\"here\"></a>\n"
            .into(),
    };
    // What mdBook 0.5.4 made of the same lines.
    let ids = [
        "a-code--emph--héllo-world",
        "what-breaks-when-a-steps-left-out",
        "what-breaks-when-a-steps-left-out-1",
        "2-numbers_and-dash--slash",
        "custom",
        "a--b",
        "here",
    ];
    assert_eq!(page.ids(), ids);
}
