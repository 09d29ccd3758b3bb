/// Which part of every batch is a rank's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub rank: usize,
    pub ranks: usize,
}

impl Part {
    /// All of it.
    pub const WHOLE: Part = Part { rank: 0, ranks: 1 };

    /// The rank's samples among those of a batch: as many as the other ranks have, or one more.
    pub fn of<'a>(&self, samples: &'a [usize]) -> &'a [usize] {
        let start = |rank: usize| samples.len() * rank / self.ranks;
        &samples[start(self.rank)..start(self.rank + 1)]
    }

    /// The most samples that a rank has of a batch of this size.
    pub fn most_of(&self, batch: usize) -> usize {
        batch.div_ceil(self.ranks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_in_one_part() {
        for samples in [0, 1, 5, 32] {
            let batch: Vec<usize> = (0..samples).collect();
            for ranks in [1, 3, 8, 40] {
                let parts: Vec<&[usize]> = (0..ranks).map(|rank| Part { rank, ranks }.of(&batch)).collect();
                assert_eq!(parts.concat(), batch);
                let most = Part { rank: 0, ranks }.most_of(samples);
                assert!(parts.iter().all(|part| part.len() == most || part.len() + 1 == most));
            }
        }
    }
}
