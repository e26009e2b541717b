//! Circles among files: who names what is defined where. A name that a module hands on (`pub use`) is
//! followed to the file that defines it, and handing on is no dependence.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// Circles that are left, each by its files or the folder that it lies in. None may be added; one
/// that is gone is removed here.
const LEFT: &[&[&str]] = &[];

/// A module by its path from the root.
type Module = Vec<String>;

/// A name that a file takes from elsewhere.
struct Import {
    path: Vec<String>,
    name: String,
    handed_on: bool,
}

struct File {
    path: String,
    imports: Vec<Import>,
    /// Paths in its code beside `use`.
    paths: Vec<Vec<String>>,
}

struct Tree(BTreeMap<Module, File>);

impl Tree {
    fn read() -> Self {
        let file = |source: Source| {
            let path = source.inside();
            let mut module: Module =
                path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            let (imports, paths) = parse(&source.code);
            (path != "main.rs").then_some((module, File { path, imports, paths }))
        };
        Self(sources().into_iter().filter_map(file).collect())
    }

    /// A path from the root; `None` for one that leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let inside = |base: &[String], rest: &[String]| Some([base, rest].concat());
        match path.first()?.as_str() {
            "crate" => inside(&[], path.get(1..)?),
            "self" => inside(module, path.get(1..)?),
            "super" => inside(module.get(..module.len().checked_sub(supers)?)?, &path[supers..]),
            child if self.0.contains_key(&[&module[..], &[child.to_owned()]].concat()) => {
                inside(module, path)
            }
            _ => None,
        }
    }

    /// The module that defines what an absolute path names; `None` for a name from other crates.
    fn definer(&self, path: &[String], depth: usize) -> Option<Module> {
        let known = (0..=path.len()).rev().find(|n| self.0.contains_key(&path[..*n]))?;
        let (module, rest) = (path[..known].to_vec(), &path[known..]);
        let Some(name) = rest.first() else { return Some(module) };
        let import = self.0[&module].imports.iter().find(|import| import.name == *name);
        match import.filter(|_| depth < 16) {
            None => Some(module),
            Some(import) => {
                let from = self.absolute(&module, &import.path)?;
                self.definer(&[&from[..], &rest[1..]].concat(), depth + 1)
            }
        }
    }

    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (module, file) in &self.0 {
            let used = file.imports.iter().filter(|import| !import.handed_on);
            let named = used.map(|import| &import.path).chain(&file.paths);
            let others = named
                .filter_map(|path| self.definer(&self.absolute(module, path)?, 0))
                .filter(|other| other != module)
                .map(|other| self.0[&other].path.as_str());
            edges.insert(&file.path, others.collect());
        }
        edges
    }
}

/// The names in `use`, and the other paths.
fn parse(code: &str) -> (Vec<Import>, Vec<Vec<String>>) {
    let (mut imports, mut rest) = (Vec::new(), String::new());
    let mut open: Option<String> = None;
    let mut in_module = false;
    for line in code.lines() {
        let start = line.trim_start();
        let is_module = line.ends_with('{') && line.trim_start_matches("pub ").starts_with("mod ");
        in_module = (in_module || is_module) && line != "}";
        let statement = match open.take() {
            Some(before) => before + " " + start,
            None if is_use(start) => start.to_owned(),
            None => {
                rest.push_str(line);
                rest.push('\n');
                continue;
            }
        };
        match statement.split_once(';') {
            None => open = Some(statement),
            Some((statement, _)) => {
                let (visibility, tree) = statement.split_once("use ").unwrap();
                // In a module of the file's own, `super` is the file.
                let tree = match tree.strip_prefix("super::") {
                    Some(inside) if in_module => format!("self::{inside}"),
                    _ => tree.to_owned(),
                };
                expand(&[], &tree, !visibility.is_empty(), &mut imports);
            }
        }
    }
    (imports, paths(&rest))
}

fn is_use(line: &str) -> bool {
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        let rest = rest.trim_start();
        rest.strip_prefix('(').and_then(|r| r.split_once(')')).map_or(rest, |(_, r)| r).trim_start()
    });
    line.starts_with("use ")
}

/// The names of a tree such as `a::{b, c::d as e}`.
fn expand(prefix: &[String], tree: &str, handed_on: bool, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    let parts = |path: &str| -> Vec<String> {
        path.split("::").map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
    };
    if let Some((path, group)) = tree.split_once('{') {
        let prefix = [prefix, &parts(path)].concat();
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    if !group[start..at].trim().is_empty() {
                        expand(&prefix, &group[start..at], handed_on, imports);
                    }
                    start = at + 1;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(p, a)| (p, Some(a.trim())));
    let mut path = [prefix, &parts(path)].concat();
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let name = alias.map_or_else(|| path.last().unwrap().clone(), str::to_owned);
    imports.push(Import { path, name, handed_on });
}

/// Every path of several parts in code.
fn paths(code: &str) -> Vec<Vec<String>> {
    // A visibility is no use.
    let code = code.replace("pub(in crate::", "pub(in ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c| !is_part(c)).map(|word| word.trim_matches(':'));
    let of_parts = words.filter(|word| word.contains("::"));
    of_parts.map(|word| word.split("::").map(str::to_owned).collect()).collect()
}

/// Groups of files that lead to each other, by their names.
fn circles(edges: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Vec<String>> {
    let reached = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = next.pop() {
            for other in edges.get(file.as_str()).into_iter().flatten() {
                if seen.insert((*other).to_owned()) {
                    next.push((*other).to_owned());
                }
            }
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<String>> = edges.keys().map(|f| (*f, reached(f))).collect();
    let mut circles: Vec<Vec<String>> = Vec::new();
    for file in edges.keys().filter(|file| all[*file].contains(**file)) {
        if !circles.iter().any(|circle| circle.iter().any(|known| known == file)) {
            let back = |other: &&String| all[other.as_str()].contains(*file);
            circles.push(all[file].iter().filter(back).cloned().collect());
        }
    }
    circles
}

#[test]
fn no_further_circles_among_files() {
    let tree = Tree::read();
    let edges = tree.edges();
    let found = circles(&edges);
    let lies_in = |circle: &Vec<String>, left: &[&str]| {
        circle.iter().all(|file| left.iter().any(|place| file.starts_with(place)))
    };
    for circle in &found {
        let inside = |file: &String| {
            let others = edges[file.as_str()].iter().filter(|o| circle.iter().any(|c| c == *o));
            format!("{file} -> {:?}", others.collect::<Vec<_>>())
        };
        let shown: Vec<_> = circle.iter().map(inside).collect();
        assert!(LEFT.iter().any(|left| lies_in(circle, left)), "a circle: {shown:#?}");
    }
    for left in LEFT {
        assert!(found.iter().any(|circle| lies_in(circle, left)), "no circle any more: {left:?}");
    }
}

#[test]
fn circles_are_found_through_names_that_are_handed_on() {
    let file = |path: &str, code: &str| {
        let (imports, paths) = parse(code);
        let module: Module = path
            .trim_end_matches(".rs")
            .trim_end_matches("/mod")
            .split('/')
            .map(str::to_owned)
            .collect();
        (module, File { path: path.to_owned(), imports, paths })
    };
    let tree = Tree(BTreeMap::from([
        file("a/mod.rs", "mod one;\nmod two;\npub use one::One;\n"),
        file("a/one.rs", "use super::two::{self, Two as Second};\nfn f() { two::g() }\n"),
        file("a/two.rs", "fn g(one: crate::a::One) {}\n"),
        file("b.rs", "use crate::{\n    a::{One,\n        two::Two},\n};\n"),
        file("c.rs", "mod own {\n    use super::B;\n}\n"),
    ]));
    assert_eq!(circles(&tree.edges()), [["a/one.rs", "a/two.rs"]]);
    assert_eq!(tree.edges()["b.rs"], BTreeSet::from(["a/one.rs", "a/two.rs"]));
    assert!(tree.edges()["a/mod.rs"].is_empty() && tree.edges()["c.rs"].is_empty());
}
