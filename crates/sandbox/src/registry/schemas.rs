//! Subjects, versions and levels, and the rule that decides whether a new version may follow.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use apache_avro::Schema;
use apache_avro::schema_compatibility::SchemaCompatibility;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::Problem;
use crate::persist::{self, FileError};

/// Which readers and writers a new version must get on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Level {
    None,
    #[default]
    Backward,
    BackwardTransitive,
    Forward,
    ForwardTransitive,
    Full,
    FullTransitive,
}

impl Level {
    fn reads_older(self) -> bool {
        matches!(self, Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive)
    }

    fn is_read_by_older(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive)
    }

    fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }
}

/// A version of a subject, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Latest,
    Number(u32),
}

impl std::str::FromStr for Version {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match text {
            "latest" | "-1" => Ok(Self::Latest),
            _ => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .map(Self::Number)
                .ok_or(Problem::InvalidVersion),
        }
    }
}

/// A registered schema where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    pub(super) subject: String,
    pub(super) version: u32,
    pub(super) id: u32,
    pub(super) schema: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// Texts by id.
    schemas: BTreeMap<u32, String>,
    /// Ids of the versions of each subject, the first version first.
    subjects: BTreeMap<String, Vec<u32>>,
    level: Level,
    levels: BTreeMap<String, Level>,
}

/// Everything registered.
pub(super) struct Schemas {
    state: Mutex<State>,
    file: Option<PathBuf>,
}

impl Schemas {
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, FileError> {
        let state = file.as_deref().map(persist::load).transpose()?.unwrap_or_default();
        Ok(Self { state: Mutex::new(state), file })
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut state)?;
        if let Some(file) = &self.file {
            persist::save(file, &*state)?;
        }
        Ok(outcome)
    }

    /// Registers a schema under a subject and returns its id; registering it again changes nothing.
    pub(super) fn register(&self, subject: &str, text: &str) -> Result<u32, Problem> {
        let schema = parse(text)?;
        self.change(|state| {
            if let Some(found) = state.find(subject, text) {
                return Ok(found.id);
            }
            if let Some(why) = state.objection(subject, &schema, None) {
                return Err(Problem::Incompatible(why));
            }
            let known = state.schemas.iter().find(|(_, known)| same(known, text)).map(|(id, _)| *id);
            let id = known.unwrap_or_else(|| state.schemas.keys().last().map_or(1, |last| last + 1));
            state.schemas.entry(id).or_insert_with(|| text.to_owned());
            state.subjects.entry(subject.to_owned()).or_default().push(id);
            Ok(id)
        })
    }

    /// Where a schema is registered under a subject.
    pub(super) fn find(&self, subject: &str, text: &str) -> Result<Found, Problem> {
        parse(text)?;
        self.read(|state| {
            if !state.subjects.contains_key(subject) {
                return Err(Problem::SubjectNotFound);
            }
            state.find(subject, text).ok_or(Problem::SchemaNotFound)
        })
    }

    pub(super) fn by_id(&self, id: u32) -> Option<String> {
        self.read(|state| state.schemas.get(&id).cloned())
    }

    pub(super) fn subjects(&self) -> Vec<String> {
        self.read(|state| state.subjects.keys().cloned().collect())
    }

    pub(super) fn versions(&self, subject: &str) -> Result<Vec<u32>, Problem> {
        self.read(|state| {
            let ids = state.subjects.get(subject).ok_or(Problem::SubjectNotFound)?;
            Ok((1..).zip(ids).map(|(version, _)| version).collect())
        })
    }

    pub(super) fn version(&self, subject: &str, version: Version) -> Result<Found, Problem> {
        self.read(|state| {
            let versions = state.versions(subject);
            if versions.is_empty() {
                return Err(Problem::SubjectNotFound);
            }
            let found = match version {
                Version::Latest => versions.into_iter().last(),
                Version::Number(number) => versions.into_iter().find(|found| found.version == number),
            };
            found.ok_or(Problem::VersionNotFound)
        })
    }

    /// Why a schema could not follow this version of the subject; nothing if it could.
    pub(super) fn objection(
        &self,
        subject: &str,
        version: Version,
        text: &str,
    ) -> Result<Option<String>, Problem> {
        let schema = parse(text)?;
        let known = self.version(subject, version)?;
        Ok(self.read(|state| state.objection(subject, &schema, Some(&known))))
    }

    pub(super) fn level(&self, subject: Option<&str>) -> Option<Level> {
        self.read(|state| match subject {
            Some(subject) => state.levels.get(subject).copied(),
            None => Some(state.level),
        })
    }

    pub(super) fn set_level(&self, subject: Option<&str>, level: Level) -> Result<(), Problem> {
        self.change(|state| {
            match subject {
                Some(subject) => drop(state.levels.insert(subject.to_owned(), level)),
                None => state.level = level,
            }
            Ok(())
        })
    }
}

impl State {
    fn versions(&self, subject: &str) -> Vec<Found> {
        let ids = self.subjects.get(subject).into_iter().flatten();
        let found = |(version, id): (u32, &u32)| {
            let schema = self.schemas.get(id)?.clone();
            Some(Found { subject: subject.to_owned(), version, id: *id, schema })
        };
        (1..).zip(ids).filter_map(found).collect()
    }

    fn find(&self, subject: &str, text: &str) -> Option<Found> {
        self.versions(subject).into_iter().find(|found| same(&found.schema, text))
    }

    /// Checks against one version, or against those that the subject's level names.
    fn objection(&self, subject: &str, schema: &Schema, only: Option<&Found>) -> Option<String> {
        let level = self.levels.get(subject).copied().unwrap_or(self.level);
        let mut versions = only.map_or_else(|| self.versions(subject), |only| vec![only.clone()]);
        if !level.is_transitive() {
            versions = versions.into_iter().rev().take(1).collect();
        }
        versions.iter().find_map(|found| {
            let older = Schema::parse_str(&found.schema).ok()?;
            let reads = |writer, reader| SchemaCompatibility::can_read(writer, reader).err();
            let backward = level.reads_older().then(|| reads(&older, schema)).flatten();
            let forward = || level.is_read_by_older().then(|| reads(schema, &older)).flatten();
            let why = backward.or_else(forward)?;
            Some(format!("version {}: {why}", found.version))
        })
    }
}

fn parse(text: &str) -> Result<Schema, Problem> {
    Schema::parse_str(text).map_err(|error| Problem::InvalidSchema(error.to_string()))
}

/// Whether two texts say the same, however they are laid out.
fn same(one: &str, other: &str) -> bool {
    let value = |text| serde_json::from_str::<Value>(text).ok();
    one == other || value(one).is_some_and(|one| Some(one) == value(other))
}
