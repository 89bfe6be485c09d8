//! The reports of a session: whatever happened on the line, each has every test once, with its end, and is what its readers
//! expect.

use crate::world::Outcome;
use boon::{Compiler, SchemaIndex, Schemas};
use host_runner::image::{Records, Symbols};
use host_runner::report::{Context, Report, Screen, Story};
use host_runner::session::Status;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use uppsala::{Document, XsdValidator};
use wire::Parameters;

const JUNIT: &str = include_str!("../../src/report/junit.xsd");
const LINES: &str = include_str!("../../src/report/lines.schema.json");

/// What is wrong with one of the reports, if anything is.
pub(crate) fn check(outcome: &Outcome) -> Result<(), String> {
    let story = Story::told(context(outcome), "host-runner", &outcome.notices);
    check_junit(outcome, &story.junit().map_err(|error| error.to_string())?)?;
    check_lines(outcome, &lines(outcome).map_err(|error| error.to_string())?)?;
    let page = story.page();
    let is_missing = |index: &usize| !page.contains(&outcome.plan.tests[*index].name);
    let missing = (0..outcome.truths.len()).find(is_missing);
    missing.map_or(Ok(()), |index| Err(format!("test {index} is not on the page")))
}

fn context(outcome: &Outcome) -> Context {
    Context {
        board: "simulated".to_owned(),
        repeat: "host-runner run --exact".to_owned(),
        recording: "target/hil/0001-simulated".to_owned(),
        parameters: Parameters::default(),
        kernel: "00".repeat(32),
        run: 1,
        plan: outcome.plan.clone(),
        symbols: Rc::new(Symbols::none()),
        records: Rc::new(Records::none()),
    }
}

/// JUnit XML is as its schema says, and has each test once, with the kind of end that it had.
fn check_junit(outcome: &Outcome, xml: &str) -> Result<(), String> {
    let document = uppsala::parse(xml).map_err(|error| format!("{error}: {xml}"))?;
    let faults = validator().validate(&document);
    if !faults.is_empty() {
        return Err(format!("{faults:?}: {xml}"));
    }
    let found = ends(&document);
    let expected: BTreeMap<_, _> = outcome
        .summary
        .ends
        .iter()
        .map(|(index, status)| (outcome.plan.tests[*index].name.clone(), vec![kind(status)]))
        .collect();
    if found == expected { Ok(()) } else { Err(format!("{found:?} in place of {expected:?}")) }
}

fn validator() -> &'static XsdValidator {
    static VALIDATOR: OnceLock<XsdValidator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let schema = uppsala::parse(JUNIT).expect("the schema is XML");
        XsdValidator::from_schema(&schema).expect("the schema is one")
    })
}

/// What JUnit calls the end of each test.
fn ends(document: &Document<'_>) -> BTreeMap<String, Vec<&'static str>> {
    let mut ends = BTreeMap::new();
    for case in document.get_elements_by_tag_name("testcase") {
        let name = document.get_attribute(case, "name").unwrap_or_default().to_owned();
        // What is wrong with the run as a whole has a case as well.
        if name.starts_with("the run: ") {
            continue;
        }
        let is = |kind: &&&str| {
            let mut children = document.children_iter(case).filter_map(|child| document.element(child));
            children.any(|child| child.name.matches(None, kind))
        };
        let end = ["failure", "error", "skipped"].iter().find(is).copied().unwrap_or("passed");
        ends.entry(name).or_insert_with(Vec::new).push(end);
    }
    ends
}

fn kind(status: &Status) -> &'static str {
    match status {
        Status::Pass => "passed",
        Status::Ignored | Status::NotRun(_) => "skipped",
        Status::Infra(_) => "error",
        _ => "failure",
    }
}

/// JSON lines are as their schema says, the last of them is the summary, and each test has one end.
fn check_lines(outcome: &Outcome, lines: &str) -> Result<(), String> {
    let values: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
    let values = values.map_err(|error| format!("{error}: {lines}"))?;
    let (schemas, of_line) = lines_schema();
    for value in &values {
        schemas.validate(value, *of_line).map_err(|fault| format!("{fault:#}: {value}"))?;
    }
    let ends = values.iter().filter(|value| value["event"] == "test").count();
    let last = values.last().map(|value| value["event"].clone());
    if ends == outcome.truths.len() && last == Some("summary".into()) {
        return Ok(());
    }
    Err(format!("{ends} ends, and {last:?} at the end: {lines}"))
}

fn lines_schema() -> &'static (Schemas, SchemaIndex) {
    static SCHEMA: OnceLock<(Schemas, SchemaIndex)> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let text = serde_json::from_str(LINES).expect("the schema is JSON");
        compiler.add_resource("lines", text).expect("it has a name");
        let index = compiler.compile("lines", &mut schemas).expect("the schema is one");
        (schemas, index)
    })
}

fn lines(outcome: &Outcome) -> io::Result<String> {
    let shared = Shared::default();
    let mut report = Report::json(context(outcome), Screen::plain(shared.clone()));
    report.begin()?;
    outcome.notices.iter().try_for_each(|(_, notice)| report.notice(notice))?;
    let bytes = shared.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// What was written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
