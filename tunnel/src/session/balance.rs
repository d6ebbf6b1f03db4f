//! Which streams of a session should be on another link.

/// What is on a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Load {
    /// Streams that move much.
    pub(super) bulk: usize,
    /// All others.
    pub(super) other: usize,
}

/// The moves of one stream in bulk each, from one link to another, after which
/// one link has none and the others have them in equal parts.
///
/// The free one is that with the most other streams: on one connection, bulk
/// is in their way. Two links that bulk has to itself are left as they are,
/// since the one may be there for what is yet to come.
pub(super) fn moves(links: &[Load]) -> Vec<(usize, usize)> {
    let mut bulk: Vec<usize> = links.iter().map(|link| link.bulk).collect();
    let free = (0..links.len()).min_by_key(|&link| {
        let Load { bulk, other } = links[link];
        (usize::MAX - other, bulk)
    });
    let Some(free) = free.filter(|_| links.len() > 1) else {
        return Vec::new();
    };
    let busy: Vec<usize> = (0..links.len()).filter(|&link| link != free).collect();
    let mut moves = Vec::new();
    loop {
        let least = busy.iter().copied().min_by_key(|&link| bulk[link]);
        let most = busy.iter().copied().max_by_key(|&link| bulk[link]);
        let (Some(least), Some(most)) = (least, most) else {
            return moves;
        };
        let from = if bulk[free] > 0 { free } else { most };
        if from != free && bulk[from] < bulk[least] + 2 {
            return moves;
        }
        bulk[from] -= 1;
        bulk[least] += 1;
        moves.push((from, least));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(links: &[(usize, usize)]) -> Vec<usize> {
        let loads: Vec<Load> = links
            .iter()
            .map(|&(bulk, other)| Load { bulk, other })
            .collect();
        let mut bulk: Vec<usize> = loads.iter().map(|load| load.bulk).collect();
        for (from, to) in moves(&loads) {
            bulk[from] -= 1;
            bulk[to] += 1;
        }
        bulk
    }

    #[test]
    fn bulk_leaves_the_link_that_small_streams_are_on() {
        assert_eq!(after(&[(1, 4), (0, 0)]), [0, 1]);
        assert_eq!(after(&[(3, 1), (0, 0)]), [0, 3]);
        assert_eq!(after(&[(2, 1), (2, 7), (0, 0)]), [2, 0, 2]);
    }

    #[test]
    fn bulk_that_is_in_nobodys_way_stays_on_one_of_two_links() {
        assert_eq!(
            moves(&[Load { bulk: 16, other: 0 }, Load { bulk: 0, other: 0 }]),
            []
        );
        assert_eq!(moves(&[Load { bulk: 2, other: 0 }]), []);
        assert_eq!(moves(&[]), []);
    }

    #[test]
    fn bulk_gets_a_link_each_where_there_are_enough_and_one_stays_free() {
        let mut links = vec![(0, 0); 16];
        links[0] = (16, 0);
        let bulk = after(&links);
        assert_eq!(bulk.iter().filter(|&&bulk| bulk == 0).count(), 1);
        assert_eq!(bulk.iter().max(), Some(&2));
        links[0] = (16, 3);
        assert_eq!(after(&links)[0], 0);
    }

    #[test]
    fn what_is_spread_stays_where_it_is() {
        assert_eq!(after(&[(0, 3), (1, 0), (1, 0), (2, 0)]), [0, 1, 1, 2]);
    }
}
