//! The floors of the house: no circle of imports between them, and the program stands on none of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FLOORS: [&str; 5] = ["layers", "model", "program", "cpu", "training"];

/// What `program` may import from the crate.
const BELOW_PROGRAM: [&str; 4] = ["Error", "Result", "random", "shape"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The code without comments, and without what is compiled for tests alone: modules behind `#[cfg(test)]`, which in this
/// house stand at the end of a file.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names of files that are modules for tests alone.
fn test_modules(text: &str) -> Vec<String> {
    let declared = text.split("#[cfg(test)]\nmod ").skip(1);
    declared.filter_map(|rest| Some(format!("{}.rs", rest.split_once(';')?.0))).collect()
}

/// What a floor imports from the crate, by name, with the files that do.
fn imports(floor: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(floor);
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let texts: Vec<(PathBuf, String)> =
        paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect();
    let for_tests: Vec<String> = texts.iter().flat_map(|(_, text)| test_modules(text)).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in &texts {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        if for_tests.contains(&name) {
            continue;
        }
        let code = code(text);
        for after in code.split("crate::").skip(1) {
            let mut add = |item: &str| {
                let first: String =
                    item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.entry(first).or_default().insert(format!("{floor}/{name}"));
            };
            match after.strip_prefix('{') {
                // Groups within groups say more of the same module.
                Some(group) => group.split('}').next().unwrap_or_default().split(',').for_each(&mut add),
                None => add(after),
            }
        }
    }
    found
}

#[test]
fn no_floors_import_each_other_in_a_circle() {
    let edges: BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> =
        FLOORS.into_iter().map(|floor| (floor, imports(floor))).collect();
    // Who is reached from a floor by imports, with the first step of the way.
    for floor in FLOORS {
        let mut reached = BTreeMap::new();
        let mut pending = vec![(floor, String::new())];
        while let Some((at, way)) = pending.pop() {
            for next in FLOORS.into_iter().filter(|next| *next != at) {
                let Some(files) = edges[at].get(next) else { continue };
                let way = format!("{way}{at} imports {next} ({}); ", files.first().unwrap());
                assert!(next != floor, "a circle: {way}");
                if reached.insert(next, ()).is_none() {
                    pending.push((next, way));
                }
            }
        }
    }
    assert!(edges["training"].contains_key("model") && edges["model"].contains_key("layers"));
    assert!(edges["cpu"].contains_key("program") && edges["layers"].contains_key("program"));
}

#[test]
fn the_program_imports_nothing_but_shapes_errors_and_random_numbers() {
    let mut imports = imports("program");
    imports.remove("program");
    let names: Vec<&String> = imports.keys().collect();
    let others: Vec<_> = imports.iter().filter(|(name, _)| !BELOW_PROGRAM.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(names.iter().any(|name| *name == "shape"), "{names:?}");
}
