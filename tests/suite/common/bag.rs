//! An evidence bag of a tree, ways to damage it, and what is said of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use trailseal::internals::model::Sha256Hash;

pub(crate) use crate::common::files_of;
use crate::common::{BUCKET, Ran, Tree, scratch, trailseal};

/// As of when bags of tests are.
pub(crate) const AS_OF: &str = "2026-06-01T00:00:00Z";

/// A bag in a folder of a temporary directory.
pub(crate) struct Bag {
    pub around: TempDir,
    pub dir: PathBuf,
    pub status: u8,
    pub out: String,
    pub err: String,
}

/// What a check says.
pub(crate) struct Checked {
    pub status: u8,
    pub json: Value,
    pub err: String,
}

impl Bag {
    pub(crate) fn of(tree: &Tree, more: &[&str]) -> Self {
        let bag = Self::tried(tree, more);
        assert!(bag.dir.join("bagit.txt").is_file(), "{}", bag.err);
        bag
    }

    /// Packs; there may be no bag.
    pub(crate) fn tried(tree: &Tree, more: &[&str]) -> Self {
        let around = scratch();
        let dir = around.path().join("evidence");
        let Ran { status, out, err } = pack(tree, &dir, more);
        Self { around, dir, status, out, err }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Where an object of the tree is.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.dir.join(object(key))
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(path)).unwrap();
        change(&mut bytes);
        fs::write(self.path(path), bytes).unwrap();
    }

    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path}: {from}");
        fs::write(self.path(path), text.replace(from, to)).unwrap();
    }

    /// Takes an object away, and every trace of it in custody.
    pub(crate) fn forget(&self, key: &str) {
        fs::remove_file(self.object(key)).unwrap();
        let _ = fs::remove_file(self.path(&format!("{}.metadata.json", object(key))));
        let rows = self.read("data/custody.csv");
        let kept: Vec<_> = rows.split("\r\n").filter(|row| !row.contains(key)).collect();
        assert!(kept.len() < rows.split("\r\n").count());
        fs::write(self.path("data/custody.csv"), kept.join("\r\n")).unwrap();
    }

    /// What whoever alters a bag that is not sealed can do: write its manifests anew.
    pub(crate) fn write_manifests_anew(&self) {
        self.write_custody_anew();
        self.write_manifests_of_what_is_there();
    }

    /// The same, custody left as it is.
    pub(crate) fn write_manifests_of_what_is_there(&self) {
        let files = files_of(&self.dir);
        let of = |wanted: &dyn Fn(&str) -> bool| -> String {
            let wanted = files.iter().filter(|(path, _)| wanted(path));
            wanted.map(|(path, bytes)| format!("{}  {path}\n", Sha256Hash::of(bytes))).collect()
        };
        let payload = |path: &str| path.starts_with("data/");
        fs::write(self.path("manifest-sha256.txt"), of(&payload)).unwrap();
        let (bytes, count) = files
            .iter()
            .filter(|(path, _)| payload(path))
            .fold((0, 0), |(bytes, count), (_, file)| (bytes + file.len(), count + 1));
        let info = self.read("bag-info.txt");
        let info: String = info
            .lines()
            .map(|line| match line.starts_with("Payload-Oxum") {
                true => format!("Payload-Oxum: {bytes}.{count}\n"),
                false => format!("{line}\n"),
            })
            .collect();
        fs::write(self.path("bag-info.txt"), info).unwrap();
        let files = files_of(&self.dir);
        let tags: String = files
            .iter()
            .filter(|(path, _)| {
                !payload(path) && !path.starts_with("seal/") && *path != "tagmanifest-sha256.txt"
            })
            .map(|(path, bytes)| format!("{}  {path}\n", Sha256Hash::of(bytes)))
            .collect();
        fs::write(self.path("tagmanifest-sha256.txt"), tags).unwrap();
    }

    /// The sizes and hash values of the objects as they are now, where custody is still a table.
    fn write_custody_anew(&self) {
        let text = self.read("data/custody.csv");
        let Some((header, rows)) = text.split_once("\r\n") else { return };
        let column = |named: &str| header.split(',').position(|name| name == named).unwrap();
        let (at, size) = (column("sha256"), column("size"));
        let anew = |row: &str| {
            let mut cells: Vec<_> = row.split(',').map(str::to_owned).collect();
            let bytes = cells.first().and_then(|path| fs::read(self.path(path)).ok());
            if let (Some(bytes), Some(cell)) = (bytes, cells.get_mut(at))
                && !cell.is_empty()
            {
                *cell = Sha256Hash::of(&bytes).to_string();
                cells[size] = bytes.len().to_string();
            }
            cells.join(",")
        };
        let rows: Vec<_> = rows.split("\r\n").map(anew).collect();
        fs::write(self.path("data/custody.csv"), format!("{header}\r\n{}", rows.join("\r\n")))
            .unwrap();
    }

    /// Rewrites the row of custody of an object, cell by cell.
    pub(crate) fn change_row(&self, key: &str, change: impl Fn(&mut Vec<String>)) {
        let text = self.read("data/custody.csv");
        let path = object(key);
        assert!(text.contains(&path), "{text}");
        let anew = |row: &str| {
            let mut cells: Vec<_> = row.split(',').map(str::to_owned).collect();
            if cells[0] == path {
                change(&mut cells);
            }
            cells.join(",")
        };
        let rows: Vec<_> = text.split("\r\n").map(anew).collect();
        fs::write(self.path("data/custody.csv"), rows.join("\r\n")).unwrap();
    }

    /// Puts an object in, with a row of custody like that of a log file that was read.
    pub(crate) fn put(&self, key: &str, bytes: &[u8], result: &str) {
        let path = self.object(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        let kind = if key.contains("Digest") { "digest" } else { "log" };
        let row = format!(
            "{},yes,{kind},directory x: {key},{},{},,{AS_OF},not stated,{result},,\r\n",
            object(key),
            bytes.len(),
            Sha256Hash::of(bytes)
        );
        self.change("data/custody.csv", |x| x.extend(row.bytes()));
    }

    pub(crate) fn check(&self, more: &[&str]) -> Checked {
        check(&self.dir, more)
    }

    /// Runs the bag's own script with nothing but the system's tools.
    pub(crate) fn script(&self, more: &[&str]) -> Ran {
        self.script_where(more, &[])
    }

    /// The same with more in the environment.
    pub(crate) fn script_where(&self, more: &[&str], environment: &[(&str, &str)]) -> Ran {
        let output = Command::new("sh")
            .arg(self.path("verify.sh"))
            .args(more)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        Ran {
            status: u8::try_from(output.status.code().unwrap()).unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Checked {
    /// What is wrong with the bag, as code and path.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let text = |fault: &Value, field: &str| fault[field].as_str().unwrap().to_owned();
        let faults = self.json["faults"].as_array().unwrap();
        faults.iter().map(|f| (text(f, "code"), text(f, "path"))).collect()
    }

    /// The codes of what was found when it was verified again, notices aside.
    pub(crate) fn found(&self) -> Vec<String> {
        let findings = self.json["reverified"]["findings"].as_array().unwrap();
        let weighs = findings.iter().filter(|f| f["severity"] != "notice");
        weighs.map(|f| f["code"].as_str().unwrap().to_owned()).collect()
    }
}

/// Where an object of the tree is in a bag.
pub(crate) fn object(key: &str) -> String {
    format!("data/objects/{BUCKET}/{key}")
}

pub(crate) fn pack(tree: &Tree, output: &Path, more: &[&str]) -> Ran {
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let mut args = vec!["evidence", "pack", root, "--keys", keys, "--no-progress"];
    args.extend(["--output", output.to_str().unwrap()]);
    if !more.contains(&"--as-of") {
        args.extend(["--as-of", AS_OF]);
    }
    args.extend(more);
    trailseal(&args)
}

pub(crate) fn check(bag: &Path, more: &[&str]) -> Checked {
    let mut args =
        vec!["evidence", "check", bag.to_str().unwrap(), "--no-progress", "--format", "json"];
    args.extend(more);
    let Ran { status, out, err } = trailseal(&args);
    Checked { status, json: serde_json::from_str(&out).unwrap_or(Value::Null), err }
}
