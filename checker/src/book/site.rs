//! The source of a site: course.md split by chapter, as mdBook wants it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs, iter,
    path::Path,
};

use super::{Heading, chapters, headings, links};
use crate::failure::{Attempt, LabError};

/// What a page of programs is called beside the text, where there is room for few letters.
const STAGES: &str = "The stages";
/// The settings of mdBook.
const SETTINGS: &str = include_str!("book.toml");

/// A page: an introduction, a day's, a chapter or an annex; or a task or an exercise's stages, below their chapter.
struct Page {
    /// Its file, below `src`.
    name: String,
    level: usize,
    title: String,
    text: String,
}

/// Writes the source of a site to this folder, which is made: `book.toml`, and the pages below `src`. What the textbook
/// links has a page, too: the tasks, and the stages of the programs. mdBook makes the site of it: `mdbook build FOLDER`.
///
/// # Errors
///
/// When course.md or a file that it links cannot be read, or something cannot be written.
pub fn write_site(root: &Path, folder: &Path) -> Result<(), LabError> {
    let text = read(root, "course.md")?;
    let chapters: Vec<(Heading, &str)> = chapters(&text);
    let page_of: BTreeMap<String, String> = chapters
        .iter()
        .flat_map(|(chapter, text)| {
            let anchors = headings(text).into_iter().map(|one| one.anchor());
            anchors.map(|anchor| (anchor, page_name(&chapter.anchor())))
        })
        .collect();
    let mut summary = String::from("# Summary\n");
    let mut written = BTreeSet::new();
    for (heading, text) in chapters {
        let name = page_name(&heading.anchor());
        let mut page = Page {
            text: text.to_owned(),
            level: heading.level,
            title: heading.title,
            name,
        };
        let mut beside = Vec::new();
        for link in links(text).into_iter().map(|link| link.target) {
            let target = match link.strip_prefix('#') {
                Some(anchor) => page_of
                    .get(anchor)
                    .filter(|name| **name != page.name)
                    .map(|name| format!("{name}#{anchor}")),
                None if link.contains("://") => None,
                None => match linked(root, &link, page.level + 1)? {
                    Linked::Page(linked) => {
                        let target = linked.name.clone();
                        beside.push(linked);
                        Some(target)
                    }
                    Linked::File(text) => {
                        let target = format!("files/{link}");
                        write(folder, &format!("src/{target}"), &text)?;
                        Some(target)
                    }
                },
            };
            if let Some(target) = target {
                let shown = |target| format!("]({target})");
                page.text = page.text.replace(&shown(link), &shown(target));
            }
        }
        for page in iter::once(page).chain(beside) {
            if written.insert(page.name.clone()) {
                write(folder, &format!("src/{}", page.name), &page.text)?;
                let indent = "  ".repeat(page.level - 1);
                let _ = write!(summary, "\n{indent}- [{}]({})", page.title, page.name);
            }
        }
    }
    summary.push('\n');
    write(folder, "src/SUMMARY.md", &summary)?;
    write(folder, "book.toml", SETTINGS)
}

fn page_name(anchor: &str) -> String {
    format!("{anchor}.md")
}

/// What a link leads to.
enum Linked {
    Page(Page),
    /// A file that a browser shows as it is.
    File(String),
}

/// Another text becomes a page, for a browser shows no Markdown, and so does a folder of programs.
fn linked(root: &Path, path: &str, level: usize) -> Result<Linked, LabError> {
    let place = path.trim_end_matches('/').replace('/', "-");
    if let Some(place) = place.strip_suffix(".md") {
        let text = read(root, path)?;
        let title = headings(&text).into_iter().next().map(|one| one.title);
        return Ok(Linked::Page(Page {
            name: page_name(place),
            level,
            title: title.unwrap_or_else(|| path.to_owned()),
            text,
        }));
    }
    if !root.join(path).is_dir() {
        return read(root, path).map(Linked::File);
    }
    let unreadable = format!("could not read {path}");
    let entries = fs::read_dir(root.join(path)).attempt(&unreadable)?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.attempt(&unreadable)?.file_name());
    }
    names.sort();
    let mut text = format!("# {path}\n");
    for name in names.iter().map(|name| name.to_string_lossy()) {
        let program = read(root, &format!("{path}/{name}"))?;
        let _ = write!(text, "\n## {name}\n\n```rust\n{program}```\n");
    }
    Ok(Linked::Page(Page {
        name: page_name(&place),
        level,
        title: STAGES.to_owned(),
        text,
    }))
}

fn read(root: &Path, path: &str) -> Result<String, LabError> {
    fs::read_to_string(root.join(path)).attempt(&format!("could not read {path}"))
}

fn write(folder: &Path, path: &str, text: &str) -> Result<(), LabError> {
    let path = folder.join(path);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).attempt(&format!("could not make {}", parent.display()))?;
    fs::write(&path, text).attempt(&format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chapter_is_a_page_and_links_lead_from_one_to_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let (root, site) = (folder.path().join("root"), folder.path().join("site"));
        fs::create_dir_all(root.join("one/stages")).unwrap();
        fs::write(root.join("one/README.md"), "# A task\n").unwrap();
        fs::write(root.join("one/main.rs"), "fn main() {}\n").unwrap();
        fs::write(root.join("one/stages/first.rs"), "fn main() {}\n").unwrap();
        let text = "# Book\n[two](#two)\n# Day 1\n## One\n[here](#part) [task](one/README.md) [start](one/main.rs) \
                    [stages](one/stages)\n### Part\n## Two\n[p](#part)\n";
        fs::write(root.join("course.md"), text).unwrap();
        write_site(&root, &site).unwrap();
        let read = |path: &str| fs::read_to_string(site.join("src").join(path)).unwrap();
        assert_eq!(read("book.md"), "# Book\n[two](two.md#two)\n");
        assert_eq!(
            read("one.md"),
            "## One\n[here](#part) [task](one-README.md) [start](files/one/main.rs) [stages](one-stages.md)\n### Part\n"
        );
        assert_eq!(read("two.md"), "## Two\n[p](one.md#part)\n");
        assert_eq!(read("files/one/main.rs"), "fn main() {}\n");
        assert_eq!(read("one-README.md"), "# A task\n");
        let stages = read("one-stages.md");
        assert!(stages.contains("## first.rs\n\n```rust\nfn main() {}\n```\n"));
        let summary = read("SUMMARY.md");
        assert!(
            summary.contains(
                "- [Day 1](day-1.md)\n  - [One](one.md)\n    - [A task](one-README.md)\n"
            ),
            "{summary}"
        );
    }
}
