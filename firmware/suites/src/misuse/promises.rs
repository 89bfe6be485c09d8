//! What is promised, as data: for each misuse and each level, when it is found out at the latest.
//!
//! The scenarios measure against this table, `docs/soundness/misuse.md` shows it, and a test compares the two.

use core::fmt;

/// Who is misused: the frames, or slabs at one of their levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Frames, and the heap's blocks of them. They have no levels.
    Frames,
    /// Slabs at [`Off`](framekeeper::slabs::Off).
    Off,
    /// Slabs at [`Standard`](framekeeper::slabs::Standard).
    Standard,
    /// Slabs at [`Paranoid`](framekeeper::slabs::Paranoid).
    Paranoid,
    /// Slabs at [`Debug`](framekeeper::slabs::Debug).
    Debug,
}

/// When a misuse shows. Of those that find it out, the earlier ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// By the call itself.
    Call,
    /// When the object that suffers from it is given back.
    Return,
    /// When the object is to be handed out again, or by `verify` before that.
    Reuse,
    /// When the object goes from a magazine to its slab.
    Flush,
    /// By `verify`.
    Verify,
    /// Nothing of what was there is left to be found.
    Gone,
    /// Counted, exactly.
    Counted,
    /// Nothing goes wrong, and nothing is reported.
    Held,
}

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It shows then, each time.
    At(Event),
    /// As `At`, and what shows it are `framekeeper`'s own tests, for only these can reach what is changed.
    OwnTests(Event),
    /// Nothing.
    Nothing,
    /// There is no such thing.
    NotApplicable,
}

/// A kind of misuse, and what is promised of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is called.
    pub id: &'static str,
    /// What is done.
    pub misuse: &'static str,
    promises: [Promise; Column::ALL.len()],
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Frames, Self::Off, Self::Standard, Self::Paranoid, Self::Debug];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Off => "off",
            Self::Standard => "standard",
            Self::Paranoid => "paranoid",
            Self::Debug => "debug",
        }
    }
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Call,
        Self::Return,
        Self::Reuse,
        Self::Flush,
        Self::Verify,
        Self::Gone,
        Self::Counted,
        Self::Held,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Return => "return",
            Self::Reuse => "reuse",
            Self::Flush => "flush",
            Self::Verify => "verify",
            Self::Gone => "gone",
            Self::Counted => "counted",
            Self::Held => "held",
        }
    }
}

impl Promise {
    /// Whether what was found keeps it.
    #[must_use]
    pub fn is_kept(self, found: Option<Event>) -> bool {
        match self {
            // These are no earlier or later than others, but something else.
            Self::At(what @ (Event::Gone | Event::Counted | Event::Held)) => found == Some(what),
            Self::At(latest) | Self::OwnTests(latest) => found.is_some_and(|found| found <= latest),
            Self::Nothing | Self::NotApplicable => true,
        }
    }
}

impl Row {
    /// What is promised of frames, or at a level.
    #[must_use]
    pub const fn promise(&self, column: Column) -> Promise {
        let [frames, off, standard, paranoid, debug] = self.promises;
        match column {
            Column::Frames => frames,
            Column::Off => off,
            Column::Standard => standard,
            Column::Paranoid => paranoid,
            Column::Debug => debug,
        }
    }

    /// The row with this name.
    #[must_use]
    pub fn of(id: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.id == id)
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(event) => f.write_str(event.name()),
            Self::OwnTests(event) => write!(f, "{} ¹", event.name()),
            Self::Nothing => f.write_str("–"),
            Self::NotApplicable => f.write_str("n/a"),
        }
    }
}

/// A line of a table: what is done, and what is promised of it.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} |", self.id, self.misuse)?;
        self.promises.iter().try_for_each(|promise| write!(f, " {promise} |"))
    }
}

const fn row(id: &'static str, misuse: &'static str, promises: [Promise; Column::ALL.len()]) -> Row {
    Row { id, misuse, promises }
}

const CALL: Promise = Promise::At(Event::Call);
const RETURN: Promise = Promise::At(Event::Return);
const REUSE: Promise = Promise::At(Event::Reuse);
const FLUSH: Promise = Promise::At(Event::Flush);
const VERIFY: Promise = Promise::At(Event::Verify);
const GONE: Promise = Promise::At(Event::Gone);
const COUNTED: Promise = Promise::At(Event::Counted);
const HELD: Promise = Promise::At(Event::Held);
const NOTHING: Promise = Promise::Nothing;
const NONE: Promise = Promise::NotApplicable;

/// The table. Its columns are [`Column::ALL`].
pub const ROWS: &[Row] = &[
    row("M1", "given back twice at once", [CALL, NOTHING, CALL, CALL, CALL]),
    row(
        "M2",
        "given back twice, 1, 8 or 1,000 other operations later, while free",
        [CALL, NOTHING, CALL, CALL, CALL],
    ),
    row(
        "M3",
        "given back twice, after somebody else asked for as much once or twice; a block: while somebody else has it",
        [CALL, NOTHING, NOTHING, CALL, CALL],
    ),
    row(
        "M3b",
        "given back twice, after it was handed out again; at `debug`: by its ticket",
        [NOTHING, NOTHING, NOTHING, NOTHING, CALL],
    ),
    row("M4", "what was never handed out, in RAM; at `off`: in no slab of the class", [CALL; 5]),
    row("M5", "in a hole, reserved, of the kernel, or outside", [CALL; 5]),
    row("M6", "an address inside; of frames also one that is not aligned", [CALL, NOTHING, CALL, CALL, CALL]),
    row("M7", "given back as smaller; below `paranoid`: as of a smaller class", [CALL; 5]),
    row("M8", "given back as larger; below `paranoid`: as of a larger class", [CALL; 5]),
    row("M9", "given to another cache or instance", [CALL; 5]),
    row(
        "M10",
        "a byte written after it was given back; at `standard`: of the first 16; of frames: where they are watched",
        [REUSE, NOTHING, REUSE, REUSE, REUSE],
    ),
    row("M11", "a byte written behind it", [NONE, NOTHING, NOTHING, RETURN, RETURN]),
    row(
        "M12",
        "written on behind it, 8 or 64 bytes into the next one",
        [NONE, NOTHING, NOTHING, RETURN, RETURN],
    ),
    row(
        "M13",
        "8 bytes written in front of it, into somebody's object",
        [NONE, NOTHING, NOTHING, RETURN, RETURN],
    ),
    row(
        "M14",
        "a bit flipped in a descriptor; in all else that is kept ¹",
        [Promise::OwnTests(Event::Verify), VERIFY, VERIFY, VERIFY, VERIFY],
    ),
    row("M15", "given back by two cores at once: one is refused", [CALL, NOTHING, FLUSH, CALL, CALL]),
    row("M16", "allocated and given back in an interrupt of the same", [HELD; 5]),
    row("M17", "used before it has memory, told of it twice, memory added twice", [CALL; 5]),
    row("M18", "sizes of zero and beyond all bounds, alignments beyond the size", [CALL; 5]),
    row(
        "M19",
        "a cache that ends while objects of it are in use: how many, and which",
        [NONE, CALL, CALL, CALL, CALL],
    ),
    row("M20", "never given back: how much", [COUNTED; 5]),
    row("M21", "read after it was given back: what was there", [NONE, NOTHING, NOTHING, GONE, GONE]),
    row(
        "M22",
        "used as it should be, and filled with what free objects hold",
        [NONE, HELD, HELD, HELD, HELD],
    ),
];
