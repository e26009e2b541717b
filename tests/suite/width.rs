//! Help and reports at the widths that terminals have.

use std::process::Command;

use clap::Parser as _;
use trailseal::internals::cli::Cli;

use crate::common::{Tree, log_key};

const WIDTHS: [usize; 3] = [60, 80, 120];
const COMMANDS: [&[&str]; 14] = [
    &["verify"],
    &["seal"],
    &["report"],
    &["evidence", "pack"],
    &["evidence", "check"],
    &["evidence", "timestamp"],
    &["keys", "generate"],
    &["keys", "show"],
    &["keys", "fetch"],
    &["inspect"],
    &["collect"],
    &["sample"],
    &["verify-query-results"],
    &["validate-logs"],
];

fn shown(args: &[&str], width: usize) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    let output = command.args(args).env("COLUMNS", width.to_string()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The commands of the examples in a help text, as a shell takes them.
fn examples(help: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = help.lines();
    while let Some(line) = lines.next() {
        // Prose begins at the margin.
        let example = line.starts_with("  ").then(|| line.trim_start());
        let Some(command) = example.and_then(|line| line.strip_prefix("trailseal ")) else {
            continue;
        };
        let mut command = command.to_owned();
        while let Some(begun) = command.strip_suffix('\\') {
            command = format!("{begun} {}", lines.next().unwrap().trim());
        }
        found.push(command);
    }
    found
}

#[cfg(feature = "aws")]
#[test]
fn help_fits_the_terminal_and_its_examples_paste() {
    let mut pasted = 0;
    for args in COMMANDS {
        let mut before = None;
        for width in WIDTHS {
            for flag in ["-h", "--help"] {
                let help = shown(&[args, &[flag]].concat(), width);
                assert!(help.contains("Usage: trailseal"), "{args:?}: {help}");
                // The line of usage is one that clap does not wrap.
                let prose = help.lines().filter(|line| !line.starts_with("Usage: "));
                for line in prose.filter(|line| line.chars().count() > width) {
                    // What has no space in it stays whole.
                    let longest = line.split(' ').map(str::len).max().unwrap_or_default();
                    assert!(longest > width / 2, "{args:?} at {width}: {line}");
                }
            }
            let commands = examples(&shown(&[args, &["--help"]].concat(), width));
            for command in &commands {
                let command = command.split(['|', '>', '<']).next().unwrap();
                let parts = command.split_whitespace();
                let parsed = Cli::try_parse_from(std::iter::once("trailseal").chain(parts));
                let error = parsed.err().map(|error| error.to_string());
                assert_eq!(error, None, "{args:?} at {width}: {command}");
                pasted += 1;
            }
            let words: Vec<Vec<String>> = commands
                .iter()
                .map(|command| command.split_whitespace().map(str::to_owned).collect())
                .collect();
            assert_eq!(before.get_or_insert(words.clone()), &words, "{args:?} at {width}");
        }
    }
    assert!(pasted > 60, "{pasted}");
}

#[cfg(feature = "aws")]
#[test]
fn short_help_is_short_and_names_the_long_one() {
    for args in COMMANDS {
        let (short, long) =
            (shown(&[args, &["-h"]].concat(), 80), shown(&[args, &["--help"]].concat(), 80));
        assert!(short.lines().count() * 3 < long.lines().count() * 2, "{args:?}");
        let name = args.join(" ");
        assert!(
            short.contains(&format!("More options and examples: trailseal {name} --help")),
            "{short}"
        );
        assert!(!short.contains("Examples:\n") && long.contains("Examples:\n"), "{args:?}");
    }
}

#[test]
fn reports_take_the_width_of_the_terminal() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let texts = WIDTHS.map(|width| shown(&["verify", root, "--keys", keys], width));
    assert!(texts[0].lines().count() > texts[2].lines().count());
}
