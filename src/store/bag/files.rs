//! The files of a bag's folder.

use std::collections::BTreeMap;
use std::io;

use cap_std::fs::Dir;

/// Every file below a folder with its size, and what is neither file nor folder.
#[derive(Debug, Default)]
pub(super) struct BagFiles {
    pub(super) sizes: BTreeMap<String, u64>,
    pub(super) strange: Vec<String>,
}

/// Lists a folder and all below it; links are not followed.
pub(super) fn walk(root: &Dir) -> io::Result<BagFiles> {
    let mut files = BagFiles::default();
    let mut folders = vec![String::new()];
    while let Some(prefix) = folders.pop() {
        // Opened when its turn comes: a wide bag has more folders than may be open at once.
        let folder = match prefix.trim_end_matches('/') {
            "" => root.try_clone()?,
            path => root.open_dir(path)?,
        };
        for entry in folder.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            let kind = entry.file_type()?;
            if name.to_str().is_none() {
                files.strange.push(path);
            } else if kind.is_dir() {
                folders.push(path + "/");
            } else if kind.is_file() {
                files.sizes.insert(path, entry.metadata()?.len());
            } else {
                files.strange.push(path);
            }
        }
    }
    files.strange.sort();
    Ok(files)
}
