//! The institutions of this installation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use events::InstitutionId;
use tokio::sync::Semaphore;

use crate::profile::{Profile, ProfileError, Standard};
use crate::uk::UkOpenBanking;
use crate::{Connector, Walk};

/// One institution: its profile and the connector that speaks to it.
pub struct Institution {
    profile: Profile,
    connector: Box<dyn Connector>,
    places: Semaphore,
}

impl Institution {
    fn new(profile: Profile) -> Result<Self, ProfileError> {
        profile.check().map_err(|fault| ProfileError::Invalid {
            profile: profile.id.to_string(),
            reason: fault.to_string(),
        })?;
        let connector = match profile.standard {
            Standard::UkOpenBanking4 => Box::new(UkOpenBanking::new(&profile)?),
        };
        let places = Semaphore::new(profile.limits.concurrent_jobs.get().into());
        Ok(Self { profile, connector, places })
    }

    /// What is known about it.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The way to it.
    #[must_use]
    pub fn connector(&self) -> &dyn Connector {
        self.connector.as_ref()
    }

    /// Places for fetch jobs under way here; a job holds one from its first request to its last.
    #[must_use]
    pub fn places(&self) -> &Semaphore {
        &self.places
    }

    /// Bounds a walk over the pages of one resource.
    #[must_use]
    pub fn walk(&self) -> Walk {
        Walk::new(self.profile.limits.page_cap)
    }
}

type Table = BTreeMap<InstitutionId, Arc<Institution>>;

/// All institutions; clones see the same.
#[derive(Clone)]
pub struct Institutions {
    table: Arc<ArcSwap<Table>>,
    dir: Option<PathBuf>,
}

impl Institutions {
    /// Reads every `*.toml` of a folder.
    ///
    /// # Errors
    /// [`ProfileError`] names file, line and key.
    pub fn load(dir: &Path) -> Result<Self, ProfileError> {
        Ok(Self::of(table(read(dir)?)?, Some(dir.to_owned())))
    }

    /// Institutions that are not kept in files.
    ///
    /// # Errors
    /// [`ProfileError`] names the institution and key.
    pub fn from_profiles(profiles: Vec<Profile>) -> Result<Self, ProfileError> {
        Ok(Self::of(table(profiles)?, None))
    }

    fn of(table: Table, dir: Option<PathBuf>) -> Self {
        Self { table: Arc::new(ArcSwap::from_pointee(table)), dir }
    }

    /// Reads the folder and the secrets again; calls that are under way end with what they began with. After an error
    /// everything stays as it was.
    ///
    /// # Errors
    /// [`ProfileError`] names file, line and key.
    pub fn reload(&self) -> Result<(), ProfileError> {
        if let Some(dir) = &self.dir {
            self.table.store(Arc::new(table(read(dir)?)?));
        }
        Ok(())
    }

    /// The institution of that id.
    #[must_use]
    pub fn get(&self, id: &InstitutionId) -> Option<Arc<Institution>> {
        self.table.load().get(id).cloned()
    }

    /// All of them, by id.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Institution>> {
        self.table.load().values().cloned().collect()
    }
}

fn table(profiles: Vec<Profile>) -> Result<Table, ProfileError> {
    let mut table = Table::new();
    for profile in profiles {
        let id = profile.id.clone();
        if table.insert(id.clone(), Arc::new(Institution::new(profile)?)).is_some() {
            let reason = "id is used by two profiles".to_owned();
            return Err(ProfileError::Invalid { profile: id.to_string(), reason });
        }
    }
    Ok(table)
}

fn read(dir: &Path) -> Result<Vec<Profile>, ProfileError> {
    let entries = dir.read_dir().map_err(unreadable(dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(unreadable(dir))?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    paths
        .iter()
        .map(|path| Profile::parse(&std::fs::read_to_string(path).map_err(unreadable(path))?, path))
        .collect()
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> ProfileError {
    move |source| ProfileError::Read { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/institutions/sandbox-uk.toml");

    #[test]
    fn a_bad_reload_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let ids = |all: &Institutions| {
            all.list().iter().map(|one| one.profile().id.to_string()).collect::<Vec<_>>()
        };
        let example = EXAMPLE.replace("{ file = \"/run/secrets/sandbox_client_secret\" }", "\"secret\"");
        write("one.toml", &example);
        write("notes.txt", "not a profile");
        let institutions = Institutions::load(dir.path()).unwrap();
        assert_eq!(ids(&institutions), ["sandbox-uk"]);

        write("two.toml", &example.replace("id = \"sandbox-uk\"", "id = \"another\""));
        institutions.clone().reload().unwrap();
        assert_eq!(ids(&institutions), ["another", "sandbox-uk"]);

        write("two.toml", &example);
        assert!(institutions.reload().unwrap_err().to_string().contains("two profiles"));
        assert_eq!(ids(&institutions), ["another", "sandbox-uk"]);
        assert!(institutions.get(&"unknown".parse().unwrap()).is_none());
    }
}
