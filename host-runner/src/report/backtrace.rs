//! Backtraces as people want them: from the code that went wrong to where its test began, and nothing beyond.
//!
//! An *entry* is one address of the stack, with the function it lies in and the workspace's functions inlined there.

use crate::image::{Place, Symbols};

/// Where cores other than the boot core wait for work and do it.
const ENTER: &str = "firmware::cores::enter";
/// The loop they wait in.
const WAIT: &str = "firmware::interrupts::wait_until";
/// Where a core ends that is not to go on.
const HALT: &str = "firmware::cores::halt";

/// What stands between the code that panicked and the panic handler, the handler included.
const PANIC_MACHINERY: [&str; 9] = [
    "core::panicking::",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_",
    "core::str::slice_error_fail",
    "core::cell::panic_",
    "defmt::export::panic",
    "defmt::default_panic",
];

/// The part of a stack that is of interest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backtrace {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    address: u64,
    /// Innermost first; the last is the function that the linker knows.
    places: Vec<Place>,
}

impl Backtrace {
    /// Of a core that was interrupted: `addresses` are its program counter and the calls that led there.
    pub(crate) fn of_core(symbols: &Symbols, addresses: impl Iterator<Item = u64>) -> Self {
        Self { entries: trimmed(entries(symbols, addresses), 0) }
    }

    /// Of a panic: it begins with the code that panicked.
    pub(crate) fn of_panic(symbols: &Symbols, addresses: impl Iterator<Item = u64>) -> Self {
        let entries = entries(symbols, addresses);
        let machinery = entries.iter().take_while(|entry| entry.is_panic_machinery()).count();
        Self { entries: trimmed(entries, machinery) }
    }

    /// One entry at these places.
    #[cfg(test)]
    pub(crate) fn at(places: Vec<Place>) -> Self {
        Self { entries: vec![Entry { address: 0, places }] }
    }

    /// A numbered line per entry, and one for every function that it was inlined into. A recursion is told once.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (mut lines, mut depth) = (Vec::new(), 0);
        for run in self.entries.chunk_by(|inner, outer| inner.address == outer.address) {
            lines.extend(run.first().into_iter().flat_map(|entry| entry.lines(depth)));
            if run.len() > 1 {
                lines.push(format!("{:26}the same until {}", "", depth + run.len() - 1));
            }
            depth += run.len();
        }
        lines
    }

    /// The innermost place in the workspace.
    pub(crate) fn innermost_own(&self) -> Option<&Place> {
        self.places().find(|place| !place.foreign)
    }

    /// What the core did in words, if it did nothing that anybody needs a backtrace of.
    pub(crate) fn idleness(&self) -> Option<&'static str> {
        let places: Vec<_> = self.places().collect();
        let inside = |pair: &[&Place]| matches!(pair, [inner, outer] if is(inner, WAIT) && is(outer, ENTER));
        if places.windows(2).any(inside) {
            return Some("waiting for work");
        }
        places.first().filter(|place| is(place, HALT)).map(|_| "halted")
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.entries.iter().flat_map(|entry| &entry.places)
    }
}

fn entries(symbols: &Symbols, addresses: impl Iterator<Item = u64>) -> Vec<Entry> {
    addresses.map(|address| Entry { address, places: symbols.at(address) }).collect()
}

/// `entries` from number `first` to where a test or a core's work begins; all of them if none is left.
fn trimmed(entries: Vec<Entry>, first: usize) -> Vec<Entry> {
    let end = entries.iter().position(Entry::is_outermost).map_or(entries.len(), |last| last + 1);
    match entries.get(first..end) {
        Some(kept) if !kept.is_empty() => kept.to_vec(),
        _ => entries,
    }
}

impl Entry {
    fn is_panic_machinery(&self) -> bool {
        let function = self.places.last().and_then(|place| place.function.as_deref()).unwrap_or_default();
        function.ends_with("rust_begin_unwind")
            || PANIC_MACHINERY.iter().any(|machinery| function.starts_with(machinery))
    }

    /// Whether only the machinery that calls tests, or starts cores, lies beyond.
    fn is_outermost(&self) -> bool {
        self.places.iter().any(|place| is_test_entry(place) || is(place, ENTER))
    }

    fn lines(&self, depth: usize) -> Vec<String> {
        let Some((innermost, outer)) = self.places.split_first() else {
            return vec![format!("  {depth:>2}: {:#018x}", self.address)];
        };
        let first = format!("  {depth:>2}: {:#018x}  {innermost}", self.address);
        let inlined = outer.iter().map(|place| format!("{:26}inlined into {place}", ""));
        std::iter::once(first).chain(inlined).collect()
    }
}

/// `__NAME_entrypoint`, which embedded-test makes for every test.
fn is_test_entry(place: &Place) -> bool {
    let last = place.function.as_deref().and_then(|function| function.rsplit("::").next());
    last.is_some_and(|name| name.starts_with("__") && name.ends_with("_entrypoint"))
}

/// Whether `place` is in `function`, with whatever type parameters.
fn is(place: &Place, function: &str) -> bool {
    let rest = place.function.as_deref().and_then(|name| name.strip_prefix(function));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('<') || rest.starts_with("::<"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(entries: &[&[&str]]) -> Vec<Entry> {
        let place = |name: &&str| Place {
            function: Some((*name).to_owned()),
            foreign: name.starts_with("core::"),
            ..Place::default()
        };
        let entry = |names: &&[&str]| Entry { address: 0, places: names.iter().map(place).collect() };
        entries.iter().map(entry).collect()
    }

    fn idleness(entries: &[&[&str]]) -> Option<&'static str> {
        Backtrace { entries: stack(entries) }.idleness()
    }

    #[test]
    fn what_lies_beyond_a_tests_entry_is_left_out() {
        let entries =
            stack(&[&["a::read"], &["a::__reads_entrypoint"], &["__embedded_test_start"], &["main"]]);
        assert_eq!(trimmed(entries.clone(), 0), entries[..2]);
        let entries = stack(&[&["a::one_panics::{{closure}}"], &[ENTER], &["_start"]]);
        assert_eq!(trimmed(entries.clone(), 0), entries[..2]);
    }

    #[test]
    fn a_stack_that_is_nothing_but_machinery_is_shown_whole() {
        let entries = stack(&[&["core::panicking::panic_fmt"], &["core::option::unwrap_failed"]]);
        assert_eq!(trimmed(entries.clone(), 2), entries);
        let entries = stack(&[&["__rustc::rust_begin_unwind"], &["a::__b_entrypoint"], &["main"]]);
        assert_eq!(trimmed(entries.clone(), 2), entries);
    }

    #[test]
    fn panic_machinery_is_told_from_code_that_panics() {
        let machinery = |name| stack(&[&[name]])[0].is_panic_machinery();
        assert!(machinery("__rustc::rust_begin_unwind") && machinery("core::panicking::panic_fmt"));
        assert!(machinery("core::result::unwrap_failed") && machinery("defmt::export::panic"));
        assert!(!machinery("a::verdicts::panics") && !machinery("core::iter::sum"));
    }

    #[test]
    fn a_core_in_the_loop_of_its_entry_waits_for_work() {
        assert_eq!(
            idleness(&[&["firmware::interrupts::unmask", WAIT, ENTER], &["_start"]]),
            Some("waiting for work")
        );
        assert_eq!(idleness(&[&[WAIT], &[ENTER]]), Some("waiting for work"));
        assert_eq!(idleness(&[&[HALT], &["firmware::crash::stop_all"]]), Some("halted"));
        assert_eq!(idleness(&[&["a::hang"], &[ENTER]]), None);
        assert_eq!(idleness(&[&[WAIT], &["firmware::link::serve"]]), None);
        assert_eq!(idleness(&[]), None);
    }

    #[test]
    fn the_innermost_place_of_the_workspace_is_found() {
        let backtrace = Backtrace { entries: stack(&[&["core::ptr::read"], &["a::read", "a::test"]]) };
        let function = backtrace.innermost_own().and_then(|place| place.function.as_deref());
        assert_eq!(function, Some("a::read"));
    }

    #[test]
    fn a_recursion_is_told_once_and_keeps_its_depth() {
        let mut entries = stack(&[&["a::recurse"], &["a::recurse"], &["a::recurse"], &["a::test"]]);
        entries[3].address = 4;
        let expected = [
            "   0: 0x0000000000000000  a::recurse",
            "                          the same until 2",
            "   3: 0x0000000000000004  a::test",
        ];
        assert_eq!(Backtrace { entries }.lines(), expected);
    }

    #[test]
    fn inlined_functions_stand_below_their_entry() {
        let mut backtrace = Backtrace { entries: stack(&[&["a::read", "a::test"], &[]]) };
        backtrace.entries[1].address = 4;
        let expected = [
            "   0: 0x0000000000000000  a::read",
            "                          inlined into a::test",
            "   1: 0x0000000000000004",
        ];
        assert_eq!(backtrace.lines(), expected);
    }
}
