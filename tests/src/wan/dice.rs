use rand::Rng;

/// Says which packets are lost.
#[derive(Debug)]
pub(super) struct Dice<R> {
    loss: f64,
    source: R,
}

impl<R: Rng> Dice<R> {
    /// Loses this share: 0 none, 1 all, and what is beyond as what is next to it.
    pub(super) fn new(loss: f64, source: R) -> Self {
        Self {
            loss: loss.clamp(0.0, 1.0),
            source,
        }
    }

    /// Whether the next packet is lost.
    pub(super) fn loses(&mut self) -> bool {
        self.source.random_bool(self.loss)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn lost(loss: f64, seed: u64) -> Vec<usize> {
        let mut dice = Dice::new(loss, StdRng::seed_from_u64(seed));
        (0..100_000).filter(|_| dice.loses()).collect()
    }

    #[test]
    fn about_the_share_that_is_asked_for_is_lost() {
        assert!((900..1100).contains(&lost(0.01, 7).len()));
        assert_eq!(lost(0.0, 7).len(), 0);
        assert_eq!(lost(1.0, 7).len(), 100_000);
    }

    #[test]
    fn with_the_same_seed_the_same_packets_are_lost() {
        assert_eq!(lost(0.05, 1), lost(0.05, 1));
        assert_ne!(lost(0.05, 1), lost(0.05, 2));
    }
}
