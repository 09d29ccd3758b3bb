//! Programs that train together, one a rank: rank 0 leads, the others do as it does and say nothing.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::thread;

use petal::data::{Dataset, ImageDataset, Skipped};
use petal::training::{Collective, Fit};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::data::Data;
use crate::photo_list::PhotoList;
use crate::terminal::say;

/// The ranks, or this program alone.
#[derive(Clone, Debug)]
pub struct Ranks {
    all: Option<Arc<dyn Collective>>,
    /// How many of them are on this machine.
    pub on_this_machine: usize,
    /// Threads of this one, unless others are asked for: the cores that it may use, shared with the ranks that may use the
    /// same.
    pub threads: usize,
}

impl Ranks {
    /// This program alone.
    pub fn alone() -> Self {
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get());
        Ranks { all: None, on_this_machine: 1, threads }
    }

    /// # Errors
    /// If a rank has ended, here and below.
    pub fn new(all: Arc<dyn Collective>) -> Result<Self, Failure> {
        let alone = Ranks::alone();
        let (host, cores) = (all.host(), cores());
        let places = all.gather(format!("{host}\n{cores}").into_bytes())?;
        let on =
            |place: String| places.iter().filter(|other| other.starts_with(place.as_bytes())).count().max(1);
        let on_this_machine = on(format!("{host}\n"));
        let threads = (alone.threads / on(format!("{host}\n{cores}"))).max(1);
        let all = Some(all).filter(|all| all.size() > 1);
        Ok(Ranks { all, on_this_machine, threads })
    }

    /// The number of ranks.
    pub fn size(&self) -> usize {
        self.all.as_ref().map_or(1, |all| all.size())
    }

    /// Whether this is the one that writes and speaks.
    pub fn leads(&self) -> bool {
        self.all.as_ref().is_none_or(|all| all.rank() == 0)
    }

    /// The most photos that a rank has of a batch.
    pub fn part_of(&self, batch: usize) -> usize {
        batch.div_ceil(self.size())
    }

    /// A training by all of them.
    pub fn fit<'a>(&self, fit: Fit<'a>) -> Fit<'a> {
        match &self.all {
            Some(all) => fit.ranks(all.clone()),
            None => fit,
        }
    }

    /// How many there are, where, and with how many threads.
    ///
    /// # Errors
    /// If a rank has ended.
    pub fn places(&self) -> Result<String, Failure> {
        let Some(all) = &self.all else { return Ok("1 rank".into()) };
        let places = all.gather(format!("{}\n{}", all.host(), rayon::current_num_threads()).into_bytes())?;
        let places: Vec<String> =
            places.iter().map(|place| String::from_utf8_lossy(place).into_owned()).collect();
        let part = |number: usize| {
            places.iter().map(|place| place.split('\n').nth(number).unwrap_or_default()).collect()
        };
        let [hosts, threads]: [BTreeSet<&str>; 2] = [part(0), part(1)];
        let machines = if hosts.len() == 1 { "machine" } else { "machines" };
        let threads = match &Vec::from_iter(threads)[..] {
            ["1"] => "1 thread each".to_owned(),
            threads => format!("{} threads each", threads.join(" or ")),
        };
        Ok(format!("{} ranks on {} {machines}, {threads}", all.size(), hosts.len()))
    }

    /// What rank 0 gives.
    pub fn of_first<T: Serialize + DeserializeOwned>(&self, value: Option<T>) -> Result<T, Failure> {
        let bytes = value.as_ref().map(serde_json::to_vec).transpose()?.unwrap_or_default();
        match (&self.all, value) {
            (Some(all), None) => Ok(serde_json::from_slice(&all.broadcast(bytes)?)?),
            (Some(all), Some(value)) => all.broadcast(bytes).map(|_| value).map_err(Into::into),
            (None, value) => value.ok_or_else(|| "there is no first rank".into()),
        }
    }

    /// The bytes that rank 0 gives.
    pub fn bytes_of_first(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.all.as_ref().map_or(Ok(bytes.clone()), |all| all.broadcast(bytes)).map_err(Into::into)
    }

    /// Whether it is so on one of them.
    pub fn any(&self, own: bool) -> Result<bool, Failure> {
        let mut count = [f64::from(own)];
        if let Some(all) = &self.all {
            all.sum(&mut count)?;
        }
        Ok(count[0] > 0.0)
    }

    /// Refuses to train where one of them sees other photos than the first.
    ///
    /// # Errors
    /// If one does.
    pub fn check_photos(&self, photos: &PhotoList) -> Result<(), Failure> {
        let Some(all) = &self.all else { return Ok(()) };
        let mut digest = DefaultHasher::new();
        digest.write(&photos.to_csv());
        let digests = all.gather(digest.finish().to_le_bytes().to_vec())?;
        if digests.iter().all(|digest| *digest == digests[0]) {
            return Ok(());
        }
        let of_first = all.broadcast(photos.to_csv())?;
        let difference = photos.compare_with(&String::from_utf8_lossy(&of_first))?;
        let difference = difference.map(|difference| difference.to_string()).unwrap_or_default();
        let differences = all.gather(format!("{}\n{difference}", all.host()).into_bytes())?;
        let mut others = Vec::new();
        for (rank, text) in differences.iter().enumerate() {
            let text = String::from_utf8_lossy(text);
            let (host, difference) = text.split_once('\n').unwrap_or_default();
            if !difference.is_empty() {
                others.push(format!("{} sees others than rank 0: {difference}", name(rank, host)));
            }
        }
        Err(format!(
            "not all ranks see the same photos: {}. Give all machines the same folder",
            others.join("; ")
        )
        .into())
    }

    /// Leaves out on all of them what one could not read.
    pub fn leave_out_alike(&self, data: &mut Data) -> Result<(), Failure> {
        let Some(all) = &self.all else { return Ok(()) };
        let mut sets: Vec<&mut ImageDataset> =
            [&mut data.train, &mut data.validation].into_iter().chain(&mut data.test).collect();
        let own: Vec<&[Skipped]> = sets.iter().map(|set| set.skipped()).collect();
        let skipped = all.gather(serde_json::to_vec(&own)?)?;
        if skipped.iter().all(|of_rank| *of_rank == skipped[0]) {
            return Ok(());
        }
        for (rank, skipped) in skipped.iter().enumerate() {
            let skipped: Vec<Vec<Skipped>> = serde_json::from_slice(skipped)?;
            for (set, skipped) in sets.iter_mut().zip(skipped) {
                for file in set.leave_out(&skipped) {
                    say!("Left out, since rank {rank} cannot read it: {file}");
                }
                if set.is_empty() {
                    return Err("no photos are left that all ranks can read".into());
                }
            }
        }
        Ok(())
    }
}

fn name(rank: usize, host: &str) -> String {
    format!("rank {rank} on {host}")
}

/// The cores that this program may use, as far as the system says which.
fn cores() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    allowed.unwrap_or_default().trim().to_owned()
}
