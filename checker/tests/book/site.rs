//! The site that mdBook makes of the textbook.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use super::{
    course,
    support::{Course, environment::command, skipped::skipped},
};
use checker::book;

/// What stands in the quotes behind this word, wherever it stands in a page.
fn values<'a>(page: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(word)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
}

/// The pages by their names.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|end| end == "html"));
    pages
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

#[test]
fn each_chapter_is_a_page_whose_links_lead_somewhere() {
    let Some(mdbook) = env::var_os("LAB_MDBOOK") else {
        skipped("the site is not made: LAB_MDBOOK is not set (see .ci/run)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut checker = Course::real().checker();
    checker.arg("book").arg(folder.path()).assert().code(0);
    let made = command(mdbook)
        .arg("build")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );

    let site = folder.path().join("book");
    let pages = pages(&site);
    let text = course();
    for chapter in book::headings(&text).iter().filter(|one| one.level <= 2) {
        assert!(
            pages.contains_key(&format!("{}.html", chapter.anchor())),
            "{chapter:?}"
        );
    }
    let mut lost = BTreeSet::new();
    for (name, page) in &pages {
        for target in values(page, "href=\"").filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { name } else { file };
            let leads = match pages.get(file) {
                Some(page) => anchor.is_empty() || values(page, " id=\"").any(|id| id == anchor),
                None => site.join(file).exists(),
            };
            if !leads {
                lost.insert(format!("{name}: {target}"));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
