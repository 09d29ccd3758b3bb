//! The thread that calls MPI.

use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::Duration;

use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

/// What is asked of MPI, and where the answer goes.
pub(crate) enum Call {
    Gather(Vec<u8>, Sender<Vec<Vec<u8>>>),
    Broadcast(Vec<u8>, Sender<Vec<u8>>),
    Sum(Vec<f64>, Sender<Vec<f64>>),
    SumMany(Vec<f32>, Sender<Vec<f32>>),
    Abort(i32),
    Finish,
}

/// Where this process is in the job.
pub(crate) struct Place {
    pub rank: usize,
    pub size: usize,
    pub host: String,
}

/// Starts MPI, says where this process is, and answers calls until the last one.
pub(crate) fn answer_calls(asked: &Receiver<Call>, started: &Sender<Place>) {
    // Leaves the job when it is dropped.
    let Some(universe) = mpi::initialize() else { return };
    let world = universe.world();
    let host = mpi::environment::processor_name().unwrap_or_else(|_| "an unnamed machine".into());
    let _ = started.send(Place { rank: world.rank() as usize, size: world.size() as usize, host });
    let mut sums = Sums::default();
    for call in asked {
        // Who no longer waits needs no answer.
        match call {
            Call::Gather(own, to) => drop(to.send(gather(&world, &own))),
            Call::Broadcast(bytes, to) => drop(to.send(broadcast(&world, bytes))),
            Call::Sum(values, to) => drop(to.send(sum(&world, values))),
            Call::SumMany(values, to) => drop(to.send(sums.add(&world, values))),
            Call::Abort(code) => world.abort(code),
            Call::Finish => break,
        }
    }
    // Others may write a report for minutes: waiting by MPI would take a core.
    let mut barrier = world.immediate_barrier();
    while let Err(waiting) = barrier.test() {
        barrier = waiting;
        thread::sleep(Duration::from_millis(5));
    }
}

/// MPI counts with 32 bits: longer messages go in pieces.
const PIECE: usize = 1 << 28;

fn gather(world: &SimpleCommunicator, own: &[u8]) -> Vec<Vec<u8>> {
    let size = world.size() as usize;
    let mut lengths = vec![0u64; size];
    world.all_gather_into(&(own.len() as u64), &mut lengths[..]);
    let mut all: Vec<Vec<u8>> = lengths.iter().map(|&length| Vec::with_capacity(length as usize)).collect();
    let longest = lengths.iter().copied().max().unwrap_or_default() as usize;
    let piece = PIECE / size;
    for start in (0..longest).step_by(piece) {
        let of = |length: usize| start.min(length)..(start + piece).min(length);
        let counts: Vec<i32> = lengths.iter().map(|&length| of(length as usize).len() as i32).collect();
        let places: Vec<i32> = counts
            .iter()
            .scan(0, |end, count| {
                *end += count;
                Some(*end - count)
            })
            .collect();
        let mut received = vec![0u8; counts.iter().sum::<i32>() as usize];
        let mut parts = PartitionMut::new(&mut received[..], counts.clone(), places.clone());
        world.all_gather_varcount_into(&own[of(own.len())], &mut parts);
        for ((bytes, count), place) in all.iter_mut().zip(counts).zip(places) {
            bytes.extend_from_slice(&received[place as usize..][..count as usize]);
        }
    }
    all
}

fn broadcast(world: &SimpleCommunicator, mut bytes: Vec<u8>) -> Vec<u8> {
    let first = world.process_at_rank(0);
    let mut length = bytes.len() as u64;
    first.broadcast_into(&mut length);
    bytes.resize(length as usize, 0);
    for piece in bytes.chunks_mut(PIECE) {
        first.broadcast_into(piece);
    }
    bytes
}

/// Adds up few values: all go to all, and each adds them in the order of the ranks.
fn sum(world: &SimpleCommunicator, mut values: Vec<f64>) -> Vec<f64> {
    let mut all = vec![0.0; values.len() * world.size() as usize];
    world.all_gather_into(&values[..], &mut all[..]);
    let (first, others) = all.split_at(values.len());
    values.copy_from_slice(first);
    for one in others.chunks_exact(first.len().max(1)) {
        values.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
    }
    values
}

/// Memory for sums of many values.
#[derive(Default)]
struct Sums {
    of_all: Vec<f32>,
    own: Vec<f32>,
}

impl Sums {
    /// Adds up many values: each rank gets its share of all ranks' values, adds them in the order of the ranks, and the
    /// shares go to all. No more goes over the network than in the best all-reduce, whose order of adding would depend on
    /// the library, the number of values and the machines.
    fn add(&mut self, world: &SimpleCommunicator, mut values: Vec<f32>) -> Vec<f32> {
        let (length, size) = (values.len(), world.size() as usize);
        if length == 0 {
            return values;
        }
        let share = length.div_ceil(size);
        values.resize(share * size, 0.0);
        self.of_all.resize(share * size, 0.0);
        world.all_to_all_into(&values[..], &mut self.of_all[..]);
        let (first, others) = self.of_all.split_at(share);
        self.own.clear();
        self.own.extend_from_slice(first);
        for one in others.chunks_exact(share) {
            self.own.iter_mut().zip(one).for_each(|(sum, value)| *sum += value);
        }
        world.all_gather_into(&self.own[..], &mut values[..]);
        values.truncate(length);
        values
    }
}
