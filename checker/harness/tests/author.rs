//! The author's page lists all words of the lab, as the sources have them and as the exercises use them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The types whose public methods are words: what a story calls a value of this type, and how a story gets one. Only an
/// exercise that does so uses the words of the type, because some words of several types have one name.
const TYPES: &[(&str, &str, &[&str])] = &[
    ("Lab", "lab", &["lab."]),
    ("Program", "program", &["lab."]),
    (
        "Server",
        "server",
        &["start_server", "start_udp_server", "expect_announcement("],
    ),
    ("Connection", "client", &[".connect", ".accept("]),
    ("UdpPeer", "socket", &["lab.udp_peer"]),
    ("Listener", "listener", &[".listen"]),
    ("Reservation", "reservation", &["lab.reserve_"]),
    ("File", "file", &["lab.file("]),
    ("Fifo", "pipe", &[".open_for_reading("]),
    ("Child", "child", &[".children()"]),
    ("FaultGuard", "fault", &[".faults()"]),
    (
        "Freeze",
        "freeze",
        &[".freeze_before(", ".frozen_from_the_start("],
    ),
    ("ForkForbidden", "forbidden", &[".forbid_fork("]),
    ("Call", "Call::Write", &[".faults()"]),
];

/// One word of the lab.
struct Word {
    /// The type, or the facet of a program: `stdout`.
    owner: String,
    name: String,
    /// `(count, byte)`
    arguments: String,
    /// The first sentence of its documentation.
    meaning: String,
}

#[test]
fn the_page_lists_all_words_by_frequency() {
    let page = page();
    let place = harness().join("src/author.md");
    if fs::read_to_string(&place).unwrap() != page {
        let right = Path::new(env!("CARGO_TARGET_TMPDIR")).join("author.md");
        fs::write(&right, page).unwrap();
        panic!(
            "the page is out of date: cp {} {}",
            right.display(),
            place.display()
        );
    }
}

#[test]
fn each_word_is_used_by_an_exercise() {
    let exercises = exercises();
    let unused: Vec<String> = words()
        .iter()
        .filter(|word| uses(word, &exercises) == 0)
        .map(|word| format!("{}::{}", word.owner, word.name))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn exercises_import_from_the_authors_module_only() {
    for (name, text) in exercises() {
        let others = text.replace("harness::author::", "");
        assert!(
            !others.contains("harness::"),
            "{name} imports something else"
        );
    }
}

fn harness() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn page() -> String {
    let exercises = exercises();
    let mut rows: Vec<(usize, String, String)> = words()
        .into_iter()
        .map(|word| (uses(&word, &exercises), word.call(), word.meaning))
        .collect();
    rows.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let mut page = format!(
        "The {} words, and how many of the {} exercises use them:\n\n| exercises | word | what it does |\n|---|---|---|\n",
        rows.len(),
        exercises.len()
    );
    for (count, call, meaning) in rows {
        writeln!(page, "| {count} | `{call}` | {meaning} |").unwrap();
    }
    page
}

impl Word {
    /// `program.stdout().expect_line(expected)`
    fn call(&self) -> String {
        let receiver = match TYPES.iter().find(|(owner, ..)| *owner == self.owner) {
            Some((_, receiver, _)) => (*receiver).to_owned(),
            None => format!("program.{}()", self.owner),
        };
        format!("{receiver}.{}{}", self.name, self.arguments)
    }
}

/// The sources of each exercise, in one text without spaces.
fn exercises() -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for file in sources(&harness().join("../course/src/days")) {
        let path = file
            .strip_prefix(harness().join("../course/src/days"))
            .unwrap();
        let mut parts = path.iter().map(|part| part.to_string_lossy().into_owned());
        let (_day, Some(name)) = (parts.next(), parts.next()) else {
            continue;
        };
        let name = name.trim_end_matches(".rs").to_owned();
        if name == "mod" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        *found.entry(name).or_default() += &*dense(&text);
    }
    let promises = promises();
    for text in found.values_mut() {
        // A promise may tell others of its file, so this goes on until nothing is added.
        let mut told = Vec::new();
        while let Some(next) = promises
            .iter()
            .find(|promise| !told.contains(&promise.name) && promise.is_told_in(text))
        {
            told.push(next.name.clone());
            *text += &next.text;
        }
    }
    found
}

/// One function of `promises`, which several exercises may call.
struct Promise {
    /// `servers::visit`
    name: String,
    text: String,
}

impl Promise {
    fn is_told_in(&self, text: &str) -> bool {
        text.contains(&format!("{}(", self.name))
    }
}

/// The functions of `promises`.
fn promises() -> Vec<Promise> {
    let mut found = Vec::new();
    for file in sources(&harness().join("../course/src/promises")) {
        let module = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let name_of = |part: &str| part[..part.find(['(', '<']).unwrap()].to_owned();
        let parts: Vec<&str> = text.split("fn ").skip(1).collect();
        for part in &parts {
            // A call of another function of the file, by its whole name.
            let others = parts.iter().map(|other| name_of(other));
            let calls = others.filter(|other| dense(part).contains(&format!("{other}(")));
            let calls = calls.map(|other| format!(";{module}::{other}("));
            found.push(Promise {
                name: format!("{module}::{}", name_of(part)),
                text: dense(part) + &calls.collect::<String>(),
            });
        }
    }
    found
}

/// A source without comments and spaces.
fn dense(text: &str) -> String {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(str::split_whitespace).collect()
}

/// How many exercises use a word.
fn uses(word: &Word, exercises: &BTreeMap<String, String>) -> usize {
    exercises
        .values()
        .filter(|text| is_used(word, text))
        .count()
}

fn is_used(word: &Word, text: &str) -> bool {
    let call = format!(".{}(", word.name);
    let Some((owner, _, makers)) = TYPES.iter().find(|(owner, ..)| *owner == word.owner) else {
        return text.contains(&format!(".{}(){call}", word.owner));
    };
    if *owner == "Lab" {
        return text.contains(&format!("lab{call}"));
    }
    let by_path = format!("{owner}::{}", word.name);
    let is_word = |at: usize| {
        let before = &text[..at];
        !before.ends_with("lab")
            && !facets()
                .iter()
                .any(|(facet, _)| before.ends_with(&format!(".{facet}()")))
    };
    let is_called = text.match_indices(&call).any(|(at, _)| is_word(at));
    makers.iter().any(|maker| text.contains(maker)) && (is_called || text.contains(&by_path))
}

/// The facets of a program and their types, from the table in `facets.rs`.
fn facets() -> Vec<(String, String)> {
    let text = fs::read_to_string(harness().join("src/lab/program/facets.rs")).unwrap();
    let (_, table) = text.split_once("\nfacets! {").unwrap();
    table
        .lines()
        .filter_map(|line| {
            let (name, facet) = line.rsplit_once('"')?.1.split_once(": ")?;
            Some((
                name.trim().to_owned(),
                facet.trim_end_matches(',').to_owned(),
            ))
        })
        .collect()
}

fn words() -> Vec<Word> {
    let facets = facets();
    let mut found = Vec::new();
    for file in sources(&harness().join("src/lab")) {
        let text = fs::read_to_string(&file).unwrap();
        let mut owner = None;
        let mut meaning = String::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("impl") {
                owner = owner_of(line, &facets);
            }
            if let Some(doc) = line.strip_prefix("    /// ") {
                meaning = meaning + doc + " ";
            } else if let Some(name) = line.strip_prefix("    pub fn ") {
                let mut head = name.to_owned();
                while !head.contains('{') {
                    head += lines.next().unwrap().trim();
                }
                if let Some(owner) = owner.clone().filter(|_| head.contains("self")) {
                    found.push(word(owner, &head, &meaning));
                }
                meaning.clear();
            } else if !line.starts_with("    #[") && line.trim() != "///" {
                meaning.clear();
            } else if line.trim() == "///" {
                // Only the first paragraph tells the meaning.
                while lines
                    .peek()
                    .is_some_and(|next| next.trim().starts_with("///"))
                {
                    lines.next();
                }
            }
        }
    }
    found
}

/// The type or the facet to which the methods behind this line belong, if they are words.
fn owner_of(line: &str, facets: &[(String, String)]) -> Option<String> {
    let name = line
        .trim_start_matches("impl")
        .trim_start_matches("<'a>")
        .trim();
    let name: String = name
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    if line.contains(" for ") {
        return None;
    }
    if let Some((facet, _)) = facets.iter().find(|(_, facet)| *facet == name) {
        return Some(facet.clone());
    }
    TYPES
        .iter()
        .any(|(owner, ..)| *owner == name)
        .then_some(name)
}

fn word(owner: String, head: &str, doc: &str) -> Word {
    let (name, rest) = head.split_once('(').unwrap();
    let (arguments, _) = rest
        .split_once(") ->")
        .unwrap_or_else(|| rest.split_once(") {").unwrap());
    let mut names = Vec::new();
    let mut depth = 0;
    for part in arguments.split(',') {
        if depth == 0 {
            let (name, _) = part.split_once(':').unwrap_or((part, ""));
            let name = name.trim().trim_start_matches("mut ");
            if !name.is_empty() && !name.ends_with("self") {
                names.push(name);
            }
        }
        depth += part.matches(['<', '(']).count();
        depth -= part.replace("->", "").matches(['>', ')']).count();
    }
    let sentence = match doc.split_once(". ") {
        Some((first, _)) => first,
        None => doc.trim().trim_end_matches('.'),
    };
    // Links lead nowhere from here.
    let mut plain = String::new();
    for (at, part) in sentence.split("](").enumerate() {
        plain += match at {
            0 => part,
            _ => part.split_once(')').map_or(part, |(_, rest)| rest),
        };
    }
    Word {
        owner,
        name: name.split('<').next().unwrap().to_owned(),
        arguments: format!("({})", names.join(", ")),
        meaning: plain.replace(['[', ']'], "").replace('|', "\\|"),
    }
}

/// All Rust files in a folder, and in those in it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            false => (),
        }
    }
    found.sort();
    found
}
