//! Which worker listens on which of an address's sockets. Pure: indices and numbers, no descriptors.
//!
//! Each socket is some worker's, or those who wait in its queue would wait for ever; and each worker has a socket. A
//! share that can stay as it is stays.

use super::listeners::WorkerNumber;

/// For each socket, by its index, the workers that listen on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares(Vec<Vec<WorkerNumber>>);

/// The shares of `sockets` sockets among these workers, as near to those before as can be. There must be a worker.
pub(super) fn of(before: &Shares, sockets: usize, workers: &[WorkerNumber]) -> Shares {
    let mut shares: Vec<Vec<WorkerNumber>> = before.0.clone();
    shares.resize(sockets, Vec::new());
    for holders in &mut shares {
        holders.retain(|worker| workers.contains(worker));
    }
    // Sockets without a worker go to those who have the fewest.
    for socket in 0..sockets {
        if shares[socket].is_empty() {
            let fewest = workers.iter().min_by_key(|worker| count(&shares, **worker));
            shares[socket].extend(fewest);
        }
    }
    // Workers without a socket take one from who has several, or share one.
    for worker in workers {
        if count(&shares, *worker) > 0 {
            continue;
        }
        let spare = (0..sockets).find(|socket| matches!(shares[*socket][..], [only] if count(&shares, only) > 1));
        match spare {
            Some(socket) => shares[socket] = vec![*worker],
            None => {
                if let Some(least) = shares.iter_mut().min_by_key(|holders| holders.len()) {
                    least.push(*worker);
                }
            }
        }
    }
    Shares(shares)
}

/// Who gets which socket in addition, as worker and index.
pub(super) fn given(before: &Shares, after: &Shares) -> impl Iterator<Item = (WorkerNumber, usize)> {
    let had = |socket: usize, worker| before.0.get(socket).is_some_and(|holders| holders.contains(&worker));
    pairs(after).filter(move |(worker, socket)| !had(*socket, *worker))
}

/// Who loses which socket; workers that are gone are among them.
pub(super) fn given_up(before: &Shares, after: &Shares) -> impl Iterator<Item = (WorkerNumber, usize)> {
    given(after, before)
}

fn pairs(shares: &Shares) -> impl Iterator<Item = (WorkerNumber, usize)> {
    let sockets = shares.0.iter().enumerate();
    sockets.flat_map(|(socket, holders)| holders.iter().map(move |worker| (*worker, socket)))
}

fn count(shares: &[Vec<WorkerNumber>], worker: WorkerNumber) -> usize {
    shares.iter().filter(|holders| holders.contains(&worker)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0 1|2`: the first socket is of workers 0 and 1, the second of worker 2.
    fn written(shares: &Shares) -> String {
        let holders = |workers: &Vec<WorkerNumber>| {
            let mut workers: Vec<String> = workers.iter().map(ToString::to_string).collect();
            workers.sort();
            workers.join(" ")
        };
        shares.0.iter().map(holders).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_socket_each() {
        assert_eq!(written(&of(&Shares::default(), 3, &[0, 1, 2])), "0|1|2");
    }

    #[test]
    fn one_socket_is_shared_by_all() {
        assert_eq!(written(&of(&Shares::default(), 1, &[0, 1, 2])), "0 1 2");
    }

    #[test]
    fn the_sockets_of_workers_that_go_are_others() {
        let three = of(&Shares::default(), 3, &[0, 1, 2]);
        let one = of(&three, 3, &[1]);
        assert_eq!(written(&one), "1|1|1");
        assert_eq!(given(&three, &one).collect::<Vec<_>>(), [(1, 0), (1, 2)]);
        assert_eq!(given_up(&three, &one).collect::<Vec<_>>(), [(0, 0), (2, 2)]);
    }

    #[test]
    fn new_workers_take_from_those_who_have_several() {
        let one = of(&Shares::default(), 3, &[1]);
        let three = of(&one, 3, &[1, 5, 6]);
        assert_eq!(given_up(&one, &three).count(), 2);
        assert_eq!(written(&three).len(), "1|5|6".len());
    }

    #[test]
    fn a_new_socket_is_the_new_worker_s() {
        let two = of(&Shares::default(), 2, &[0, 1]);
        assert_eq!(written(&of(&two, 3, &[0, 1, 2])), "0|1|2");
    }

    #[test]
    fn who_finds_no_socket_of_its_own_shares_one() {
        let two = of(&Shares::default(), 2, &[0, 1]);
        assert_eq!(written(&of(&two, 2, &[0, 1, 2])), "0 2|1");
    }

    #[test]
    fn nothing_moves_without_need() {
        for (sockets, workers) in [(1, 4), (2, 4), (4, 4), (4, 2), (3, 2)] {
            let numbers: Vec<WorkerNumber> = (0..workers).collect();
            let shares = of(&Shares::default(), sockets, &numbers);
            assert_eq!(of(&shares, sockets, &numbers), shares);
            assert!(numbers.iter().all(|worker| count(&shares.0, *worker) > 0), "{sockets} {workers}");
            assert!(shares.0.iter().all(|holders| !holders.is_empty()), "{sockets} {workers}");
        }
    }
}
