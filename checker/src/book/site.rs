//! The source of a site: course.md split by chapter, as mdBook wants it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use super::{Heading, chapters, headings, links};
use crate::failure::{Attempt, LabError};

/// The settings of mdBook.
const SETTINGS: &str = include_str!("book.toml");

/// A file of the site: an introduction, a day's, a chapter or an annex.
struct Page<'a> {
    name: String,
    heading: Heading,
    text: &'a str,
}

/// Writes the source of a site to this folder, which is made: `book.toml`, and the chapters below `src`. mdBook makes
/// the site of it: `mdbook build FOLDER`.
///
/// # Errors
///
/// When course.md or a file that it links cannot be read, or something cannot be written.
pub fn write_site(root: &Path, folder: &Path) -> Result<(), LabError> {
    let read =
        |path: &str| fs::read_to_string(root.join(path)).attempt(&format!("could not read {path}"));
    let text = read("course.md")?;
    let pages: Vec<Page> = chapters(&text)
        .into_iter()
        .map(|(heading, text)| Page {
            name: format!("{}.md", heading.anchor()),
            heading,
            text,
        })
        .collect();
    let places: BTreeMap<String, String> = pages
        .iter()
        .flat_map(|page| {
            let anchors = headings(page.text).into_iter().map(|one| one.anchor());
            anchors.map(|anchor| (anchor, page.name.clone()))
        })
        .collect();
    let mut files = BTreeSet::new();
    let mut summary = String::from("# Summary\n");
    for page in &pages {
        let indent = if page.heading.level == 1 { "" } else { "  " };
        let _ = write!(
            summary,
            "\n{indent}- [{}]({})",
            page.heading.title, page.name
        );
        let mut text = page.text.to_owned();
        for link in links(page.text) {
            let target = match link.target.strip_prefix('#') {
                Some(anchor) => places
                    .get(anchor)
                    .filter(|name| **name != page.name)
                    .map(|name| format!("{name}#{anchor}")),
                None if link.target.contains("://") => None,
                None => {
                    files.insert(link.target.clone());
                    Some(format!("files/{}", link.target))
                }
            };
            if let Some(target) = target {
                text = text.replace(&format!("]({})", link.target), &format!("]({target})"));
            }
        }
        write(folder, &format!("src/{}", page.name), &text)?;
    }
    for file in files.iter().filter(|file| root.join(file).is_file()) {
        write(folder, &format!("src/files/{file}"), &read(file)?)?;
    }
    summary.push('\n');
    write(folder, "src/SUMMARY.md", &summary)?;
    write(folder, "book.toml", SETTINGS)
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
        fs::create_dir(&root).unwrap();
        fs::write(root.join("task.md"), "a task").unwrap();
        let text = "# Book\n[two](#two)\n# Day 1\n## One\n[here](#part) [task](task.md)\n### Part\n## Two\n[p](#part)\n";
        fs::write(root.join("course.md"), text).unwrap();
        write_site(&root, &site).unwrap();
        let read = |path: &str| fs::read_to_string(site.join("src").join(path)).unwrap();
        assert_eq!(read("book.md"), "# Book\n[two](two.md#two)\n");
        assert_eq!(
            read("one.md"),
            "## One\n[here](#part) [task](files/task.md)\n### Part\n"
        );
        assert_eq!(read("two.md"), "## Two\n[p](one.md#part)\n");
        assert_eq!(read("files/task.md"), "a task");
        let summary = read("SUMMARY.md");
        assert!(
            summary.contains("- [Day 1](day-1.md)\n  - [One](one.md)\n"),
            "{summary}"
        );
    }
}
