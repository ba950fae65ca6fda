//! Text from outside: what a program printed, and what the compiler quotes of its source.
//!
//! It is untrusted data. It is escaped here for each kind of reader: nothing of it steers a terminal, commands a CI
//! system, or becomes a part of a report's structure. Each rendering takes what it needs from here, and adds no rule
//! of its own.

use std::fmt::Write;

use super::layout::counted;

/// The most letters of one text from outside in a report for people or graders.
pub const MOST_LETTERS: usize = 64 * 1024;

/// Control characters as escapes, but for the line end; and so are letters that are not seen and change how those
/// around them are shown (the order of writing, joiners, tags).
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '\n' && is_unseen(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// The same for what the compiler says, whose colours stay: `ESC [ numbers m`, and no other sequence.
fn clean_but_colours(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        shown.push_str(&clean(&rest[..at]));
        let length = colour_length(&rest[at..]);
        match length {
            0 => shown.extend('\x1b'.escape_default()),
            _ => shown.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + length.max(1)..];
    }
    shown + &clean(rest)
}

/// What the compiler says, in its colours, with an empty line behind each message; cut where it gets too long to read.
pub fn from_compiler(messages: &[String]) -> String {
    let mut shown = String::new();
    for (index, message) in messages.iter().enumerate() {
        let room = MOST_LETTERS.saturating_sub(shown.len());
        if room == 0 {
            let left_out = counted(messages.len() - index, "more message", "more messages");
            let _ = writeln!(shown, "… ({left_out})\n");
            break;
        }
        let kept = cut(message.trim_end(), room);
        shown.push_str(&clean_but_colours(&kept));
        // A colour that is cut off from its end would go on.
        let end = if kept.len() < message.trim_end().len() && kept.contains('\x1b') {
            "\x1b[0m\n\n"
        } else {
            "\n\n"
        };
        shown.push_str(end);
    }
    shown
}

/// How long the colour sequence is with which a text begins; 0 if it does not begin with one.
fn colour_length(text: &str) -> usize {
    let Some(inner) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let numbers = inner.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
    match numbers.starts_with('m') {
        true => text.len() - numbers.len() + 1,
        false => 0,
    }
}

/// Whether a letter is a control character, one that is not seen and changes how its neighbours are shown, or one that XML
/// forbids.
pub(super) fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The beginning of a text that has more letters than these, and how many are left out. At most so many letters in
/// all.
pub fn cut(text: &str, most: usize) -> String {
    // No text has more letters than bytes, which is all that has to be known of most.
    if text.len() <= most || text.chars().count() <= most {
        return text.to_owned();
    }
    let note = |left_out: usize| format!("\n… ({left_out} characters left out)\n");
    let all = text.chars().count();
    let room = most.saturating_sub(note(all).chars().count());
    let kept: String = text.chars().take(room).collect();
    let whole = kept + &note(all - room);
    whole.chars().take(most).collect()
}

/// Prefixes with which a CI system takes a command from anywhere in a line: GitHub's older form, Azure's, TeamCity's.
const ANYWHERE: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// Lines that a CI system cannot take for commands.
///
/// GitHub's runner takes `::name …::` at the beginning of a line, also behind blanks, and the forms of `ANYWHERE` in the
/// whole line. One letter of each is replaced by its escape.
pub fn without_commands(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (before, rest) = line.split_at(line.len() - begins(line).len());
        harmless.push_str(before);
        let rest = match rest.strip_prefix("::") {
            Some(command) if command.contains("::") => {
                harmless.push_str("\\u{3a}");
                &rest[1..]
            }
            _ => rest,
        };
        harmless.push_str(&without_inner_commands(rest));
    }
    harmless
}

/// Where a line begins for a reader who does not see blanks and colours.
fn begins(line: &str) -> &str {
    let mut line = line;
    loop {
        let inner = line.trim_start();
        let inner = &inner[colour_length(inner)..];
        if inner.len() == line.len() {
            return line;
        }
        line = inner;
    }
}

fn without_inner_commands(line: &str) -> String {
    let mut harmless = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("##") {
        let is_command = ANYWHERE.iter().any(|prefix| {
            let start = rest.as_bytes()[at..].get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        });
        harmless.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if is_command {
            harmless.push_str("\\u{23}");
            rest = &rest[1..];
        }
    }
    harmless + rest
}

/// JSON text whose strings hold the same letters, those that could do harm written as escapes: what is unseen, what a
/// CI system takes for a command, and what would end a script or open a comment in a page.
pub fn in_json(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = '\0';
    while let Some(letter) = letters.next() {
        let is_structure = letter == '\n';
        let is_harmful = match letter {
            '#' => before == '#',
            '<' => matches!(letters.peek(), Some('/' | '!')),
            _ => is_unseen(letter) && !is_structure,
        };
        if is_harmful {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(harmless, "\\u{unit:04x}");
            }
        } else {
            harmless.push(letter);
        }
        before = letter;
    }
    harmless
}

/// XML text of the same content, in which no line looks like a command of a CI system.
pub fn in_xml(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        harmless.push_str(&line[..line.len() - start.len()]);
        match start.strip_prefix("::") {
            Some(rest) => harmless.extend(["&#58;:", &rest.replace("##", "#&#35;")]),
            None => harmless.push_str(&start.replace("##", "#&#35;")),
        }
    }
    harmless
}

/// One line of Markdown in which no letter means anything but itself.
pub fn in_markdown(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '\n' => harmless.push(' '),
            letter if letter.is_ascii_punctuation() => harmless.extend(['\\', letter]),
            letter => harmless.push(letter),
        }
    }
    harmless
}

/// A block of text for Markdown, which ends where the text does and not before.
pub fn fenced(text: &str) -> String {
    let text = clean(text);
    let longest = text.split(|letter| letter != '`').map(str::len).max();
    let fence = "`".repeat(longest.map_or(3, |longest| (longest + 1).max(3)));
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{text}{end}{fence}\n")
}

/// Text between two tags of HTML, in one line.
pub fn in_html(text: &str) -> String {
    clean(text)
        .replace('\n', " ")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The message of one of GitHub's workflow commands: all of it is in its line.
pub fn as_command_data(text: &str) -> String {
    without_inner_commands(&clean(text))
        .replace('%', "%25")
        .replace('\n', "%0A")
}

/// A property of one of GitHub's workflow commands.
pub fn as_command_property(text: &str) -> String {
    as_command_data(text)
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_stays_and_every_other_sequence_is_shown() {
        let text = "\x1b[1;31merror\x1b[0m \x1b]0;title\x07 \x1b[2J \u{9b}1A \u{202e}";
        assert_eq!(
            clean_but_colours(text),
            "\x1b[1;31merror\x1b[0m \\u{1b}]0;title\\u{7} \\u{1b}[2J \\u{9b}1A \\u{202e}"
        );
    }

    /// Char of XML 1.0: beside these, it allows all letters.
    #[test]
    fn nothing_passes_that_xml_forbids() {
        let is_forbidden = |letter: char| matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        let passes = |letter: &char| clean(&letter.to_string()).contains(*letter);
        let passed: Vec<char> = ('\0'..=char::MAX).filter(passes).collect();
        assert!(!passed.into_iter().any(is_forbidden));
    }

    #[test]
    fn messages_that_are_left_out_are_counted() {
        let long = "x".repeat(MOST_LETTERS);
        let told = |count| from_compiler(&vec![long.clone(); count]);
        assert!(told(2).ends_with("… (1 more message)\n\n"));
        assert!(told(3).ends_with("… (2 more messages)\n\n"));
    }

    #[test]
    fn a_command_is_shown_and_an_address_is_left_alone() {
        let text = "::error::x\n \t::STOP-COMMANDS::y\n::1\nto ::1 and ::2\na ##[error]b ##VSO[task]c ### d\n\
                    \x1b[31m ::add-mask::z";
        assert_eq!(
            without_commands(text),
            "\\u{3a}:error::x\n \t\\u{3a}:STOP-COMMANDS::y\n::1\nto ::1 and ::2\na #\\u{23}[error]b #\\u{23}VSO[task]c \
             ### d\n\x1b[31m \\u{3a}:add-mask::z"
        );
        assert_eq!(without_commands("###[x]"), "##\\u{23}[x]");
    }

    #[test]
    fn json_keeps_its_letters() {
        let value = "##[error] </script> <!-- \u{9b} \u{e0041} \u{1b} é";
        let text = in_json(&serde_json::to_string(value).unwrap());
        assert!(text.chars().all(|letter| !is_unseen(letter)), "{text}");
        assert!(!text.contains("##") && !text.contains("</") && !text.contains("<!"));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        let block = fenced("a\n````\nb");
        assert_eq!(block, "`````text\na\n````\nb\n`````\n");
    }

    #[test]
    fn a_cut_text_has_as_many_letters_as_it_may_have() {
        let text = "é".repeat(1000);
        for most in [0, 1, 40, 100, 999] {
            assert!(cut(&text, most).chars().count() <= most, "{most}");
        }
        assert_eq!(cut(&text, 1000), text);
        assert!(cut(&text, 100).contains("left out"));
    }
}
