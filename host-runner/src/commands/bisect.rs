//! The `bisect` command: after which other tests a test fails that passes by itself.
//!
//! Each trial is a run of its own on a board that is started for it: of some of the suspects and then the test, in the order
//! and with the seed of the whole run. The smallest set is run once more, for all to see. The folder of the run keeps the
//! last trial.

use super::run::{self, Stage, run_image};
use crate::bisect::{Found, reduce};
use crate::board::Board;
use crate::cli::{Bisect, Global, Selection};
use crate::image::Image;
use crate::parameters::parameters;
use crate::plan::{Plan, Selected};
use crate::record::{Header, Recording};
use crate::repeat::repeat;
use crate::report::{Bisection, Context, Report, Screen};
use crate::runs::{Notes, RunFolder};
use crate::selection::{NothingSelected, select, shuffle};
use crate::session::{CutShort, EXIT_INFRA, EXIT_INTERRUPTED, Status, Summary};
use crate::workspace::Workspace;
use miette::{Diagnostic, IntoDiagnostic, Report as Error, Result, WrapErr, bail};
use std::path::PathBuf;
use std::{io, mem};
use wire::Parameters;

/// How often a trial is made until none of its attempts is void.
const TRIALS: u32 = 3;

const INCLUDE_IGNORED: &str = "--include-ignored";

/// The image has no test of this name.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("there is no test `{wanted}`")]
#[diagnostic(help("{help}"))]
struct UnknownTest {
    wanted: String,
    help: String,
}

/// Looks for the smallest set of tests after which the wanted one fails. The exit code says whether it failed: 0 where nothing
/// made it fail, 1 where what does is known.
///
/// # Errors
///
/// When a trial cannot be made: a missing board, tool, image or test.
pub(super) fn bisect(workspace: &Workspace, global: &Global, wanted: &Bisect) -> Result<u8> {
    let material = match &wanted.run {
        Some(run) => recorded(workspace, global, wanted, run)?,
        None => built(workspace, global, wanted)?,
    };
    run::check_dumps(&material.board, global)?;
    run::ensure_loader(workspace, &material.board, global)?;
    let mut search = Search::new(workspace, global, wanted, material)?;
    search.told.begin(&search.names(&search.suspects)).into_diagnostic()?;
    let ended = search.find().and_then(|found| search.conclude(&found));
    match ended {
        Ok(code) => Ok(code),
        Err(Stop::Ended(code, why)) => search.told.give_up(code, &why).into_diagnostic().map(|()| code),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// What trials are made of.
struct Material {
    board: Board,
    elf: PathBuf,
    /// Its plan is in order; selected in it are the suspects, whether they run before the test or after it.
    image: Image,
    parameters: Parameters,
    notes: Notes,
}

/// As the command line says.
fn built(workspace: &Workspace, global: &Global, wanted: &Bisect) -> Result<Material> {
    let board = super::board(workspace, global)?;
    let elf = run::elf(workspace, &board, global)?;
    let mut image = Image::open(&elf, workspace.root())?;
    let is_ignored = image.plan.tests[place_of(&image.plan, &wanted.test)?].selected == Selected::Ignored;
    let Bisect { smoke, shuffle: is_shuffled, shuffle_seed, .. } = *wanted;
    let filters = wanted.suspects.clone();
    let selection = Selection { filters, smoke, shuffle: is_shuffled, shuffle_seed, ..Selection::default() };
    let parameters = parameters(global, &selection);
    let shuffle_seed = selection.order(&parameters);
    if let Some(seed) = shuffle_seed {
        shuffle(&mut image.plan, seed);
    }
    select(&mut image.plan, &selection)?;
    let repeat = repeat(global, &Selection { include_ignored: is_ignored, ..selection }, &parameters);
    let notes = Notes { repeat, root: workspace.root().to_owned(), shuffle_seed, is_trial: true };
    Ok(Material { board, elf, image, parameters, notes })
}

/// As in a run that was recorded.
fn recorded(workspace: &Workspace, global: &Global, wanted: &Bisect, run: &str) -> Result<Material> {
    let folder = RunFolder::find(workspace, run)?;
    let Recording { header, .. } =
        Recording::open(folder.path()).into_diagnostic().wrap_err("the recording cannot be read")?;
    let mut notes = folder.read_notes().into_diagnostic().wrap_err("the run's notes cannot be read")?;
    if notes.is_trial {
        bail!(help = "name the run before it", "{run} is a trial of a search, with some of the tests only");
    }
    notes.is_trial = true;
    let Header { parameters, plan, board, .. } = header;
    let board = super::board(workspace, &Global { board, ..global.clone() })?;
    let mut image = Image::open(&folder.elf(), &notes.root)?;
    order_as(&mut image.plan, &plan);
    let is_ignored = image.plan.tests[place_of(&image.plan, &wanted.test)?].selected == Selected::Ignored;
    if is_ignored && !notes.repeat.contains(INCLUDE_IGNORED) {
        notes.repeat = format!("{} {INCLUDE_IGNORED}", notes.repeat);
    }
    suspect_only(&mut image.plan, &wanted.suspects)?;
    Ok(Material { board, elf: folder.elf(), image, parameters, notes })
}

/// Gives `plan` the order and the selection of `was`, a plan of the same image. Its limits are those of that run.
fn order_as(plan: &mut Plan, was: &Plan) {
    let place = |name: &str| was.tests.iter().position(|test| test.name == name);
    plan.tests.sort_by_key(|test| place(&test.name));
    for test in &mut plan.tests {
        test.selected = place(&test.name).map_or(Selected::Filtered, |place| was.tests[place].selected);
    }
}

fn suspect_only(plan: &mut Plan, filters: &[String]) -> Result<(), NothingSelected> {
    let is_suspect = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
    let of = plan.tests.len();
    for test in plan.tests.iter_mut().filter(|test| !is_suspect(&test.name)) {
        test.selected = Selected::Filtered;
    }
    let is_left = |test: &crate::plan::Test| test.selected == Selected::Yes;
    if plan.tests.iter().any(is_left) { Ok(()) } else { Err(NothingSelected::of(of)) }
}

fn place_of(plan: &Plan, wanted: &str) -> Result<usize, UnknownTest> {
    plan.tests.iter().position(|test| test.name == wanted).ok_or_else(|| {
        let names = || plan.tests.iter().map(|test| test.name.as_str());
        let nearest = names().min_by_key(|name| strsim::damerau_levenshtein(wanted, name));
        let help = match nearest {
            Some(name) => format!("did you mean `{name}`? `host-runner list` shows the names"),
            None => "the image has no tests".to_owned(),
        };
        UnknownTest { wanted: wanted.to_owned(), help }
    })
}

/// Why there is no answer.
enum Stop {
    /// A trial ended without a verdict, with this exit code, for this reason.
    Ended(u8, String),
    /// There was no trial.
    Error(Error),
}

/// However often it was tried.
fn void() -> Stop {
    Stop::Ended(EXIT_INFRA, format!("the line failed: in each of {TRIALS} trials an attempt was void"))
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Error(Error::from_err(error))
    }
}

/// A search under way.
struct Search<'a> {
    workspace: &'a Workspace,
    global: &'a Global,
    board: Board,
    folder: RunFolder,
    notes: Notes,
    parameters: Parameters,
    /// Every test with its own limits, in order; none is selected.
    plan: Plan,
    /// What reports of trials know.
    context: Context,
    /// The place of the test that fails.
    test: usize,
    /// The places of the tests that run before it, in their order.
    suspects: Vec<usize>,
    /// How it fails after all of them: what counts as the same failure.
    failure: Option<Status>,
    told: Bisection,
}

impl<'a> Search<'a> {
    fn new(
        workspace: &'a Workspace,
        global: &'a Global,
        wanted: &Bisect,
        material: Material,
    ) -> Result<Self> {
        let Material { board, elf, mut image, parameters, notes } = material;
        let test = place_of(&image.plan, &wanted.test)?;
        let before = image.plan.tests.iter().take(test).enumerate();
        let suspects = before.filter(|(_, suspect)| suspect.selected == Selected::Yes);
        let suspects = suspects.map(|(place, _)| place).collect();
        let folder = run::furnish(workspace, &board, &elf, &image.kernel, &notes)
            .into_diagnostic()
            .wrap_err("the run's folder cannot be made")?;
        for test in &mut image.plan.tests {
            test.selected = Selected::Filtered;
        }
        let plan = image.plan.clone();
        let header = run::header(&board, global, parameters, plan.clone());
        let context = Context::new(workspace, &folder, notes.clone(), &header, image);
        let told = Bisection::new(global.format, &wanted.test, &board.name);
        let failure = None;
        Ok(Self {
            workspace,
            global,
            board,
            folder,
            notes,
            parameters,
            plan,
            context,
            test,
            suspects,
            failure,
            told,
        })
    }

    fn find(&mut self) -> Result<Found, Stop> {
        let suspects = mem::take(&mut self.suspects);
        let count = suspects.len();
        let found = reduce(count, |chosen| {
            let after: Vec<_> = chosen.iter().map(|&place| suspects[place]).collect();
            self.trial(&after)
        });
        let named = |chosen: Vec<usize>| chosen.into_iter().map(|place| suspects[place]).collect();
        let found = found.map(|found| match found {
            Found::These(chosen) => Found::These(named(chosen)),
            found => found,
        });
        self.suspects = suspects;
        found
    }

    /// Whether the test fails after those at these places, and as it does after all.
    fn trial(&mut self, after: &[usize]) -> Result<bool, Stop> {
        let names = self.names(after);
        let (status, summary) = self.sound_trial(after, &names)?;
        if status.is_failure() && !self.is_the_failure(&status) {
            self.told.other_failure(&names, &status, summary.took)?;
            return Ok(false);
        }
        self.told.trial(&names, &status, summary.took)?;
        let fails = status.is_failure();
        if fails && !after.is_empty() {
            self.failure.get_or_insert(status);
        }
        Ok(fails)
    }

    /// How the test ends after those at these places. Where an attempt was void, those that ran before it did so on another
    /// boot than the last attempt: the trial is made again.
    fn sound_trial(&mut self, after: &[usize], names: &[String]) -> Result<(Status, Summary), Stop> {
        for _ in 0..TRIALS {
            let summary = self.play(after)?;
            let status = self.end_of_test(&summary)?;
            if summary.void_attempts == 0 {
                return Ok((status, summary));
            }
            let void = Status::Infra("an attempt was void: this trial counts for nothing".to_owned());
            self.told.trial(names, &void, summary.took)?;
        }
        Err(void())
    }

    fn play(&self, after: &[usize]) -> Result<Summary, Stop> {
        let header = self.header(after);
        let mut report = Report::text(self.context.clone(), Screen::plain(io::sink()));
        let stage = Stage::new(self.workspace, &self.board, &self.folder, &header, &self.context);
        stage.and_then(|stage| stage.play(&mut report, self.global)).map_err(Stop::Error)
    }

    /// Whether a failure is of the kind that is looked for.
    fn is_the_failure(&self, status: &Status) -> bool {
        self.failure.as_ref().is_none_or(|failure| mem::discriminant(failure) == mem::discriminant(status))
    }

    fn end_of_test(&self, summary: &Summary) -> Result<Status, Stop> {
        let end = summary.ends.iter().find(|(place, _)| *place == self.test);
        match (&summary.cut_short, end.map(|(_, status)| status)) {
            (Some(CutShort::Interrupted), _) => Err(Stop::Ended(EXIT_INTERRUPTED, "interrupted".into())),
            (Some(CutShort::Infra(why)), _) | (None, Some(Status::Infra(why) | Status::NotRun(why))) => {
                Err(Stop::Ended(EXIT_INFRA, why.clone()))
            }
            (None, Some(status)) => Ok(status.clone()),
            (None, None) => Err(Stop::Ended(EXIT_INFRA, "bug: the test was not in its run".into())),
        }
    }

    /// A run of the tests at these places, and of the one that fails.
    fn header(&self, after: &[usize]) -> Header {
        let mut plan = self.plan.clone();
        for place in after.iter().chain([&self.test]) {
            plan.tests[*place].selected = Selected::Yes;
        }
        run::header(&self.board, self.global, self.parameters, plan)
    }

    fn names(&self, places: &[usize]) -> Vec<String> {
        places.iter().map(|&place| self.plan.tests[place].name.clone()).collect()
    }

    fn conclude(&mut self, found: &Found) -> Result<u8, Stop> {
        let after = match found {
            Found::Nothing => {
                self.folder.note_passed();
                return Ok(self.told.nothing()?);
            }
            Found::Alone => &[],
            Found::These(places) => places.as_slice(),
        };
        let names = self.names(after);
        let before = self.repeat_up_to_the_test(&names);
        let command = format!("{before} {}", self.plan.tests[self.test].name);
        Ok(match self.confirm(after, before)? {
            true => self.told.found(&names, &command)?,
            false => self.told.not_again(&names, &command)?,
        })
    }

    /// The command that runs these tests and, with its name behind it, the one that fails.
    fn repeat_up_to_the_test(&self, names: &[String]) -> String {
        let mut words = vec![self.notes.repeat.clone()];
        words.extend(self.notes.shuffle_seed.map(|seed| format!("--shuffle-seed {seed}")));
        words.extend_from_slice(names);
        words.join(" ")
    }

    /// Whether the test fails again after those at these places. The run is shown as any other.
    fn confirm(&mut self, after: &[usize], repeat: String) -> Result<bool, Stop> {
        let header = self.header(after);
        self.folder.write_notes(&Notes { repeat: repeat.clone(), ..self.notes.clone() })?;
        let context = Context { plan: header.plan.clone(), repeat, ..self.context.clone() };
        for _ in 0..TRIALS {
            self.told.confirming()?;
            let context = context.clone();
            let run = run_image(self.workspace, &self.board, self.global, &self.folder, &header, context);
            let (summary, _) = run.map_err(Stop::Error)?;
            let status = self.end_of_test(&summary)?;
            if summary.void_attempts == 0 {
                return Ok(status.is_failure() && self.is_the_failure(&status));
            }
        }
        Err(void())
    }
}
