//! `lns export` and `lns import`: the records of a data directory as text, and back.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::run::{RunArgs, problems_as_one};
use crate::config::Config;
use crate::store::{self, StoreKind};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Where to write. An existing file is not overwritten.
    file: PathBuf,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// What to read.
    file: PathBuf,
    #[command(flatten)]
    run: RunArgs,
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let config = args.run.load().map_err(problems_as_one)?;
    let dir = durable(&config)?;
    if !dir.join("version").exists() {
        bail!("there is no data directory at {}; name it with --data", dir.display());
    }
    let store = store::open(config.store.kind, dir)?;
    let attempt = || format!("cannot create {}; name a new file", args.file.display());
    let mut out = BufWriter::new(File::create_new(&args.file).with_context(attempt)?);
    let exported = store::export(&*store, &mut out)?;
    out.get_ref().sync_all().with_context(|| format!("cannot write {}", args.file.display()))?;
    println!("{} records written to {}", exported.records, args.file.display());
    Ok(())
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let config = args.run.load().map_err(problems_as_one)?;
    let dir = durable(&config)?;
    let attempt = || format!("cannot open {}", args.file.display());
    let mut from = io::BufReader::new(File::open(&args.file).with_context(attempt)?);
    let store = store::open(config.store.kind, dir)?;
    let imported = store::import(&*store, &mut from)?;
    println!("{} records read into {}", imported.records, dir.display());
    Ok(())
}

fn durable(config: &Config) -> anyhow::Result<&Path> {
    if config.store.kind == StoreKind::Memory {
        bail!("store.kind is \"memory\", which keeps nothing; choose \"sled\" or \"redb\"");
    }
    Ok(&config.server.data_dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::{dump, put};
    use crate::store::{Table, open};

    fn run(dir: &Path) -> RunArgs {
        RunArgs { data: Some(dir.display().to_string()), ..RunArgs::default() }
    }

    #[test]
    fn a_data_directory_survives_the_way_through_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let file = dir.path().join("records.txt");
        let store = open(StoreKind::Sled, &from).unwrap();
        store.commit(&[put(Table::Profiles, "p", "1"), put(Table::Meta, "m", "")]).unwrap();
        let before = dump(&*store);
        drop(store);

        export(&ExportArgs { file: file.clone(), run: run(&from) }).unwrap();
        let again = export(&ExportArgs { file: file.clone(), run: run(&from) }).unwrap_err();
        assert!(again.to_string().contains("cannot create"), "{again}");
        import(&ImportArgs { file: file.clone(), run: run(&to) }).unwrap();
        assert_eq!(dump(&*open(StoreKind::Sled, &to).unwrap()), before);
        let again = import(&ImportArgs { file, run: run(&to) }).unwrap_err();
        assert!(again.to_string().contains("empty data directory"), "{again}");
    }

    #[test]
    fn an_export_of_nothing_is_refused_and_creates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, file) = (dir.path().join("typo"), dir.path().join("records.txt"));
        let error = export(&ExportArgs { file: file.clone(), run: run(&from) }).unwrap_err();
        assert!(error.to_string().contains("--data"), "{error}");
        assert!(!from.exists() && !file.exists());
    }

    #[test]
    fn a_cut_export_is_refused_and_nothing_of_it_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let file = dir.path().join("records.txt");
        let store = open(StoreKind::Sled, &from).unwrap();
        store.commit(&[put(Table::Meta, "m", "a secret of some length")]).unwrap();
        drop(store);
        export(&ExportArgs { file: file.clone(), run: run(&from) }).unwrap();
        let whole = std::fs::read_to_string(&file).unwrap();
        let secret = whole.split_whitespace().find(|word| word.len() > 25).unwrap();
        let end = whole.find(secret).unwrap() + secret.len();
        std::fs::write(&file, &whole[..end]).unwrap();
        let error = format!("{:#}", import(&ImportArgs { file, run: run(&to) }).unwrap_err());
        assert!(error.contains("line 2") && error.contains("cut off"), "{error}");
        assert!(!error.contains(secret), "{error}");
    }
}
