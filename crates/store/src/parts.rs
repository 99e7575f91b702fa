//! Work on many things at once, with a thread for each processor.

use std::num::NonZero;
use std::thread;

/// Fewer than this are not worth another thread.
const FEW: usize = 256;

/// What `work` makes of all items, in their order; each part of them on a thread of its own.
pub(crate) fn in_parts<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&[T]) -> Vec<R> + Sync,
) -> Vec<R> {
    let threads =
        if items.len() > FEW { thread::available_parallelism().map_or(1, NonZero::get) } else { 1 };
    let (first, rest) = items.split_at(items.len().div_ceil(threads));
    thread::scope(|scope| {
        let parts = rest.chunks(first.len().max(1));
        let others: Vec<_> = parts.map(|part| scope.spawn(|| work(part))).collect();
        let mut done = work(first);
        for other in others {
            // A panic goes on where it would have gone without threads.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::in_parts;

    #[test]
    fn every_item_once_and_in_order() {
        for length in [0, 1, 255, 256, 257, 258, 1000, 1001] {
            let items: Vec<usize> = (0..length).collect();
            assert_eq!(in_parts(&items, <[usize]>::to_vec), items);
        }
    }
}
