//! XML as a report needs it: elements that hold elements, or text.

use std::fmt::Write;

use super::sanitize::clean;

/// An element with its attributes.
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    inner: Vec<Element>,
    text: String,
}

impl Element {
    /// An element with nothing in it.
    pub(super) fn new(name: &'static str) -> Element {
        Element {
            name,
            attributes: Vec::new(),
            inner: Vec::new(),
            text: String::new(),
        }
    }

    /// Adds an attribute, whose value may be text from outside.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Element {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Puts elements into this one.
    pub(super) fn holding(mut self, inner: impl IntoIterator<Item = Element>) -> Element {
        self.inner.extend(inner);
        self
    }

    /// Puts text into this one, which may be from outside.
    pub(super) fn saying(mut self, text: &str) -> Element {
        self.text.push_str(text);
        self
    }

    /// A document with this element as its root.
    pub(super) fn document(&self) -> String {
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, to: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        let _ = write!(to, "{indent}<{}", self.name);
        for (name, value) in &self.attributes {
            // A reader would take a bare line end in an attribute for a blank.
            let value = escape(&clean(value)).replace('\n', "&#10;");
            let _ = write!(to, " {name}=\"{value}\"");
        }
        if self.inner.is_empty() && self.text.is_empty() {
            to.push_str("/>\n");
            return;
        }
        let _ = write!(to, ">{}", escape(&clean(&self.text)));
        if !self.inner.is_empty() {
            to.push('\n');
            self.inner.iter().for_each(|one| one.write(to, depth + 1));
            to.push_str(&indent);
        }
        let _ = writeln!(to, "</{}>", self.name);
    }
}

/// Text in which nothing is taken for markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
