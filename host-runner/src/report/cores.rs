//! Many cores in few words.

/// `core 3`, or `cores 1–4, 7`.
pub(crate) fn named(cores: &[u32]) -> String {
    match cores {
        [one] => format!("core {one}"),
        cores => format!("cores {}", ranges(cores).join(", ")),
    }
}

fn ranges(cores: &[u32]) -> Vec<String> {
    let mut sorted = cores.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let range = |run: &[u32]| match run {
        [first, .., last] if run.len() > 2 => format!("{first}–{last}"),
        run => run.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
    };
    sorted.chunk_by(|one, next| one.checked_add(1) == Some(*next)).map(range).collect()
}

/// Cores of which the same is to be said, together; in the order of the first of each.
pub(crate) fn grouped<T: PartialEq>(each: impl IntoIterator<Item = (u32, T)>) -> Vec<(Vec<u32>, T)> {
    let mut groups: Vec<(Vec<u32>, T)> = Vec::new();
    for (core, what) in each {
        match groups.iter_mut().find(|(_, known)| *known == what) {
            Some((cores, _)) => cores.push(core),
            None => groups.push((vec![core], what)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_ranges() {
        assert_eq!(named(&[3]), "core 3");
        assert_eq!(named(&[7, 1, 2, 3, 4]), "cores 1–4, 7");
        assert_eq!(named(&[1, 2, 5]), "cores 1, 2, 5");
        assert_eq!(named(&[2, 2, 0]), "cores 0, 2");
    }

    #[test]
    fn cores_of_which_the_same_is_said_stand_together() {
        let groups = grouped([(1, "waits"), (0, "hangs"), (5, "waits")]);
        assert_eq!(groups, [(vec![1, 5], "waits"), (vec![0], "hangs")]);
    }
}
