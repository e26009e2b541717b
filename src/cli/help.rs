//! Help that fits the terminal: short for `-h`, with examples for `--help`, whose commands paste
//! into a shell at every width.

use clap::{Command, CommandFactory};

use super::Cli;

/// Spaces before a command in an example, unless it begins with `trailseal`; what continues it has
/// four more.
const COMMAND_INDENT: usize = 4;

impl Cli {
    /// The command line, with help for a terminal of so many columns.
    #[must_use]
    pub fn command_for(width: usize) -> Command {
        fitted(Self::command().term_width(width), "trailseal", width)
    }
}

fn fitted(command: Command, path: &str, width: usize) -> Command {
    let command = match command.get_after_help().map(ToString::to_string) {
        Some(text) => command
            .after_help(format!("More options and examples: {path} --help"))
            .after_long_help(fit(&text, width)),
        None => command,
    };
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        fitted(sub, &path, width)
    })
}

/// Words to be laid out in lines.
#[derive(Default)]
struct Paragraph {
    /// Indent of the first line.
    first: usize,
    /// Indent of the others.
    hanging: usize,
    words: Vec<String>,
    /// End of each line that goes on.
    mark: &'static str,
}

impl Paragraph {
    /// Two columns, the second of which begins at `at` and is wrapped below itself.
    fn item(indent: usize, at: usize, first: &str, rest: &str) -> Self {
        let gap = at.saturating_sub(first.len());
        let mut item = vec![format!("{first}{}", " ".repeat(gap.saturating_sub(1)))];
        item.extend(words(rest));
        Self { first: indent, hanging: indent + at, words: item, mark: "" }
    }

    /// Writes what has grown so far, and begins anew.
    fn flush(&mut self, width: usize, out: &mut String) {
        std::mem::take(self).write(width, out);
    }

    /// Writes the words in lines of a width.
    fn write(&self, width: usize, out: &mut String) {
        let Self { first, hanging, words, mark } = self;
        let mut line = String::new();
        let room = width.saturating_sub(mark.len());
        // A flag that finds no room beside its value is parted from it.
        let parted = words.iter().flat_map(|word| match word.split_once(' ') {
            Some((flag, value)) if flag.starts_with("--") && *hanging + word.len() > room => {
                vec![flag, value]
            }
            _ => vec![word.as_str()],
        });
        for word in parted {
            if !line.is_empty() && line.len() + 1 + word.len() > room {
                out.push_str(&format!("{line}{mark}\n"));
                // What finds no room there, mark and all, begins further left.
                line = " ".repeat((*hanging).min(room.saturating_sub(word.len())));
                line.push_str(word);
            } else if line.is_empty() {
                line = " ".repeat(*first);
                line.push_str(word);
            } else {
                line.push(' ');
                line.push_str(word);
            }
        }
        if !line.is_empty() {
            out.push_str(&line);
            out.push('\n');
        }
    }
}

/// Lays a text out anew for a width: paragraphs, items of lists, and commands. The margin of a
/// line tells which it is.
fn fit(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut open = Paragraph::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if trimmed.is_empty() {
            open.flush(width, &mut out);
            out.push('\n');
        } else if !open.words.is_empty() && indent == open.hanging && !is_item(trimmed) {
            open.words.extend(words(trimmed));
        } else if let Some(at) = second_column(trimmed) {
            open.flush(width, &mut out);
            // Columns side by side stay so where there is room.
            match line.len() <= width {
                true => out.push_str(&format!("{line}\n")),
                false => {
                    for (first, rest) in columns(trimmed) {
                        Paragraph::item(indent, at, first, rest).write(width, &mut out);
                    }
                }
            }
        } else if is_item(trimmed) {
            open.flush(width, &mut out);
            let (number, gap, rest) = item(trimmed).unwrap_or((trimmed, 0, ""));
            open = Paragraph::item(indent, number.len() + gap, number, rest);
        } else if indent >= COMMAND_INDENT || indent > 0 && trimmed.starts_with("trailseal ") {
            open.flush(width, &mut out);
            let mut command = trimmed.to_owned();
            while let Some(begun) = command.strip_suffix('\\') {
                let next = lines.next().unwrap_or_default();
                command = format!("{} {}", begun.trim_end(), next.trim());
            }
            let words = words(&command);
            Paragraph { first: indent, hanging: indent + 4, words, mark: " \\" }
                .write(width, &mut out);
        } else {
            open.flush(width, &mut out);
            open = Paragraph { first: indent, hanging: indent, words: words(trimmed), mark: "" };
        }
    }
    open.flush(width, &mut out);
    out.trim_end().to_owned()
}

/// Words of a line; a flag of a command keeps the value that follows it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(flag) if flag.starts_with("--") && !flag.contains(' ') && is_value(word) => {
                *flag = format!("{flag} {word}");
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn is_value(word: &str) -> bool {
    !word.starts_with(['-', '<', '>', '|'])
}

/// An exit status at the beginning of a line, the space after it, and its meaning.
fn item(trimmed: &str) -> Option<(&str, usize, &str)> {
    let (number, after) = trimmed.split_once(' ')?;
    let rest = after.trim_start();
    let gap = 1 + after.len() - rest.len();
    (gap > 1 && number.parse::<u8>().is_ok()).then_some((number, gap, rest))
}

/// True if a line begins with an exit status.
fn is_item(trimmed: &str) -> bool {
    item(trimmed).is_some()
}

/// Start of the second column of a line that has several with space between them.
fn second_column(trimmed: &str) -> Option<usize> {
    if let Some((number, gap, rest)) = item(trimmed) {
        // An exit status, its meaning, and then another pair.
        return rest.contains("   ").then_some(number.len() + gap);
    }
    let gap = trimmed.find("   ")?;
    Some(gap + trimmed.get(gap..)?.find(|c| c != ' ')?)
}

/// Pairs of a first column and what follows it.
fn columns(trimmed: &str) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let mut left = trimmed;
    while let Some((number, _, rest)) = item(left) {
        let (meaning, after) = rest.split_once("   ").unwrap_or((rest, ""));
        pairs.push((number, meaning.trim()));
        left = after.trim_start();
    }
    if pairs.is_empty() {
        pairs.extend(trimmed.split_once("   ").map(|(first, rest)| (first, rest.trim())));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
A paragraph of a text that is wider than the narrowest terminal, and
goes on.

Examples:
  The last day:
    trailseal verify s3://my-bucket --start-time 24h \\
        --keys keys.json

Exit status:
  0  verified: the requested time is proven, without violation
     or open question
  1  violation        3  incomplete
  130  interrupted";

    #[test]
    fn a_text_is_laid_out_for_its_width() {
        let narrow = fit(TEXT, 40);
        assert!(narrow.lines().all(|line| line.len() <= 40), "{narrow}");
        assert_eq!(
            narrow,
            "\
A paragraph of a text that is wider than
the narrowest terminal, and goes on.

Examples:
  The last day:
    trailseal verify s3://my-bucket \\
        --start-time 24h \\
        --keys keys.json

Exit status:
  0  verified: the requested time is
     proven, without violation or open
     question
  1  violation        3  incomplete
  130  interrupted"
        );
        let wide = fit(TEXT, 120);
        assert!(wide.contains("narrowest terminal, and goes on.\n"), "{wide}");
        assert!(wide.contains("--start-time 24h --keys keys.json\n"), "{wide}");
        assert_eq!(
            fit("    trailseal keys --prefix a/very/long/name", 24),
            "    trailseal keys \\\n        --prefix \\\n      a/very/long/name"
        );
        assert_eq!(
            fit("    aws x --long-flag a/very/long/name -y", 19),
            "    aws x \\\n      --long-flag \\\n a/very/long/name \\\n        -y"
        );
        assert_eq!(fit("  1    a b c d", 12), "  1    a b c\n       d");
        assert_eq!(fit("  1  a b c        3  d e f", 14), "  1  a b c\n  3  d e f");
    }
}
